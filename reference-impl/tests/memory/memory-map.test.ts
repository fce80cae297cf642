import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { isFailure, type MappedRegion, MemoryMap } from '../../memory/memory-map.ts';
import { gather, readPieces, slicePieces, totalLength, writePieces } from '../../memory/pieces.ts';

const TOP = 1n << 64n;

const mapped = (guestAddress: bigint, size: number, userAddress = guestAddress + 0x7000_0000_0000n): MappedRegion => ({
  guestAddress,
  userAddress,
  size: BigInt(size),
  bytes: Uint8Array.from({ length: size }, (_, n) => n & 0xff),
});

/** The same question answered byte by byte: which region and offset each byte lies at, or undefined. */
function bytewise(regions: readonly MappedRegion[], address: bigint, length: number): string[] | undefined {
  const found: string[] = [];
  for (let at = address; at < address + BigInt(length); at++) {
    const index = regions.findIndex((one) => at >= one.guestAddress && at < one.guestAddress + one.size);
    if (index < 0) return undefined;
    found.push(`${index}:${at - (regions[index]?.guestAddress ?? 0n)}`);
  }
  return found;
}

/** Regions of a few bytes each, some adjacent, some with gaps, the last perhaps at the very end of the range. */
const regionsArbitrary = fc
  .record({
    parts: fc.array(fc.record({ gap: fc.constantFrom(0, 0, 1, 7), size: fc.integer({ min: 1, max: 40 }) }), {
      minLength: 1,
      maxLength: 6,
    }),
    start: fc.constantFrom(0n, 0x1000n, 0xffff_fff0n, 0x1_0000_0000n, 'end' as const),
  })
  .map(({ parts, start }) => {
    const total = parts.reduce((sum, { gap, size }) => sum + gap + size, 0);
    let at = start === 'end' ? TOP - BigInt(total) : start;
    return parts.map(({ gap, size }) => {
      at += BigInt(gap);
      const region = mapped(at, size, 0x7000_0000_0000n + (at & 0xffff_ffffn));
      at += BigInt(size);
      return region;
    });
  });

t.test('translation agrees with looking up each byte', async (t) => {
  let hits = 0;
  let misses = 0;
  fc.assert(
    fc.property(
      regionsArbitrary,
      fc.integer({ min: -10, max: 200 }),
      fc.integer({ min: 1, max: 120 }),
      (regions, from, length) => {
        const address = BigInt.asUintN(64, (regions[0]?.guestAddress ?? 0n) + BigInt(from));
        const answer = new MemoryMap(regions.toReversed()).translate('guest-physical', address, length);
        if (address + BigInt(length) > TOP) {
          assert.equal(answer, 'wraps-address-space');
          return;
        }
        const expected = bytewise(regions, address, length);
        if (expected === undefined) {
          misses++;
          assert.equal(answer, bytewise(regions, address, 1) === undefined ? 'outside-every-region' : 'region-edge');
          return;
        }
        hits++;
        assert.ok(!isFailure(answer));
        const got = answer.flatMap(({ region, offset, length }) =>
          Array.from({ length }, (_, n) => `${regions.indexOf(region)}:${offset + n}`),
        );
        assert.deepEqual(got, expected);
      },
    ),
    { numRuns: 2000, seed: 3 },
  );
  t.ok(hits > 200 && misses > 200, `${hits} hits, ${misses} misses`);
});

t.test('no bytes are nowhere, and everywhere', async (t) => {
  t.same(new MemoryMap().translate('guest-physical', 5n, 0), []);
  t.equal(new MemoryMap().translate('guest-physical', 5n, 1), 'outside-every-region');
});

t.test('spaces are not mixed up', async (t) => {
  const region = mapped(0x1000n, 16);
  const map = new MemoryMap([region]);
  t.match(map.translate('user', region.userAddress + 3n, 4), [{ offset: 3, length: 4 }]);
  t.equal(map.translate('user', 0x1000n, 4), 'outside-every-region');
  t.equal(map.translate('guest-physical', region.userAddress, 4), 'outside-every-region');
  t.equal(map.translate('io-virtual', 0x1000n, 4), 'iotlb-miss');
});

t.test('a region whose memory is shorter than was told ends where the memory ends', async (t) => {
  const map = new MemoryMap([{ ...mapped(0n, 16), size: 0x1000n }]);
  t.match(map.translate('guest-physical', 8n, 8), [{ offset: 8, length: 8 }]);
  t.equal(map.translate('guest-physical', 8n, 9), 'region-edge');
  t.equal(map.translate('guest-physical', 16n, 1), 'outside-every-region');
});

t.test('a region is removed by what was told of it', async (t) => {
  const [first, second] = [mapped(0n, 16), mapped(16n, 16)];
  const map = new MemoryMap([first, second]);
  t.equal(map.remove({ ...first, size: 8n }), undefined);
  t.equal(map.remove({ ...first, userAddress: 1n }), undefined);
  t.equal(map.remove(first), first);
  t.same(map.regions, [second]);
  t.equal(map.translate('guest-physical', 8n, 8), 'outside-every-region');
  map.add(first);
  t.match(map.translate('guest-physical', 8n, 16), [
    { offset: 8, length: 8 },
    { offset: 0, length: 8 },
  ]);
});

t.test('the IOTLB: pieces, permissions, replacement, invalidation and misses', async (t) => {
  const region = mapped(0n, 64);
  const map = new MemoryMap([region]);
  const entry = (iova: bigint, offset: bigint, size: bigint, permission: 'read' | 'write' | 'read-write') =>
    map.updateIotlb({ ioVirtualAddress: iova, userAddress: region.userAddress + offset, size, permission });
  entry(0x100n, 32n, 16n, 'read-write');
  entry(0x110n, 0n, 16n, 'read');
  t.match(map.translate('io-virtual', 0x108n, 16), [
    { offset: 40, length: 8 },
    { offset: 0, length: 8 },
  ]);
  t.equal(map.translate('io-virtual', 0x108n, 16, 'write'), 'iotlb-denied');
  t.equal(map.translate('io-virtual', 0x118n, 9), 'iotlb-miss');
  t.same(map.lastFault, { ioVirtualAddress: 0x120n, access: 'read' });
  entry(0x110n, 48n, 8n, 'write');
  t.match(map.translate('io-virtual', 0x110n, 8, 'write'), [{ offset: 48, length: 8 }]);
  t.equal(map.translate('io-virtual', 0x110n, 1, 'read'), 'iotlb-denied');
  t.equal(map.translate('io-virtual', 0x118n, 1), 'iotlb-miss', 'the entry that was replaced is gone whole');
  map.invalidateIotlb(0x10fn, 1n);
  t.equal(map.translate('io-virtual', 0x100n, 1), 'iotlb-miss');
  t.match(map.translate('io-virtual', 0x110n, 1, 'write'), [{ offset: 48 }]);
  entry(0x200n, 1000n, 8n, 'read');
  t.equal(map.translate('io-virtual', 0x200n, 1), 'outside-every-region', 'an entry that leads to no region');
});

t.test('pieces are read, written and cut like one run of bytes', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 5 }),
      fc.nat({ max: 300 }),
      fc.nat({ max: 300 }),
      (lengths, start, length) => {
        const make = () =>
          lengths.map((length, n) => {
            const region = mapped(BigInt(n * 1000), length + 8);
            return { region, bytes: region.bytes, offset: 5, length };
          });
        const pieces = make();
        const whole = lengths.flatMap((length) => Array.from({ length }, (_, n) => n + 5));
        assert.equal(totalLength(pieces), whole.length);
        assert.deepEqual([...gather(pieces)], whole);
        assert.deepEqual([...gather(pieces, start, length)], whole.slice(start, start + length));
        assert.deepEqual([...gather(slicePieces(pieces, start, length))], whole.slice(start, start + length));
        const target = new Uint8Array(length).fill(0xaa);
        const read = readPieces(pieces, start, target);
        assert.equal(read, Math.max(0, Math.min(length, whole.length - start)));
        assert.deepEqual([...target.subarray(0, read)], whole.slice(start, start + read));
        assert.ok(target.subarray(read).every((byte) => byte === 0xaa));
        const source = Uint8Array.from({ length }, (_, n) => 255 - (n & 0x7f));
        assert.equal(writePieces(pieces, start, source), read);
        const after = whole.map((byte, n) => (n >= start && n < start + read ? (source[n - start] ?? -1) : byte));
        assert.deepEqual([...gather(pieces)], after);
        for (const [n, piece] of pieces.entries()) {
          const untouched = make()[n];
          assert.deepEqual(piece.bytes.subarray(0, 5), untouched?.bytes.subarray(0, 5));
          assert.deepEqual(piece.bytes.subarray(5 + piece.length), untouched?.bytes.subarray(5 + piece.length));
        }
      },
    ),
    { numRuns: 500, seed: 4 },
  );
  t.pass('500 runs');
});
