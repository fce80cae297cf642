import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { guestAddress } from '../../memory/addresses.ts';
import type { AllocationRequest } from '../../memory/allocation.ts';
import { Guest, plainGuest, regionsOf } from '../../memory/guest.ts';
import { type GuestLayoutName, guestLayouts } from '../../memory/guest-layout.ts';
import { mapOf } from '../../memory/guest-map.ts';
import { gather } from '../../memory/pieces.ts';
import { changes, changesOutside, snapshot } from '../../memory/snapshot.ts';
import type { Span } from '../../memory/span.ts';
import { splitPosition } from '../../virtqueue/ring.ts';

const names = Object.keys(guestLayouts) as GuestLayoutName[];

t.test('layouts: addresses of a byte differ, regions do not overlap, files hold them', async (t) => {
  for (const name of names) {
    const { regions } = guestLayouts[name];
    const spaces = ['guestAddress', 'userAddress', 'ioVirtualAddress'] as const;
    for (const region of regions) {
      t.equal(new Set(spaces.map((space) => region[space])).size, 3, name);
      for (const space of spaces) {
        t.equal(region[space] % 4096n, 0n);
        t.ok(region[space] + BigInt(region.size) <= 1n << 64n);
        for (const other of regions) {
          if (other === region) continue;
          const apart =
            region[space] + BigInt(region.size) <= other[space] || other[space] + BigInt(other.size) <= region[space];
          t.ok(apart, `${name}: ${space} of two regions overlap`);
        }
      }
    }
  }
  t.equal(
    plainGuest(guestLayouts['adjacent-regions']).regions.filter(({ adjacent }) => adjacent !== undefined).length,
    2,
  );
  t.equal(plainGuest().regions.filter(({ adjacent }) => adjacent !== undefined).length, 0);
});

t.test('regions of one file are views of it at their offsets', async (t) => {
  const files: Uint8Array[] = [];
  const regions = regionsOf(guestLayouts['one-file'], (number, size) => {
    files[number] = new Uint8Array(size);
    return { bytes: files[number], backing: number };
  });
  t.equal(files.length, 1);
  new Guest(regions).spanAt(guestAddress(0x1_0000_0010n), 1).fill(7);
  t.equal(files[0]?.[0x1010], 7);
  t.equal(files[0]?.length, 0x28_0000);
});

const request: fc.Arbitrary<AllocationRequest> = fc
  .record({
    size: fc.integer({ min: 1, max: 3000 }),
    align: fc.constantFrom(1, 2, 16, 64, 4096),
    skew: fc.constantFrom(0, 0, 1, 3),
    wish: fc.constantFrom('next', 'next', 'page', 'region-end'),
  })
  .map(({ size, align, skew, wish }) => {
    if (wish === 'page') return { size: size + 2, align: 1, crossing: 'page' } as const;
    if (wish === 'region-end') return { size, at: 'region-end' } as const;
    return { size, align, skew };
  });

t.test('spans are aligned as asked, apart, and the same every time', async (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.array(request, { minLength: 1, maxLength: 30 }), (name, requests) => {
      const guest = plainGuest(guestLayouts[name]);
      const again = plainGuest(guestLayouts[name]);
      const map = mapOf(guest);
      const spans: Span[] = [];
      requests.forEach((request, n) => {
        const span = guest.allocate(request);
        assert.equal(span.length, request.size);
        const other = again.allocate(request);
        assert.deepEqual([other.region.index, other.offset], [span.region.index, span.offset]);
        if (request.crossing === 'page') {
          const last = span.guestAddress + BigInt(span.length - 1);
          assert.notEqual(span.guestAddress / 4096n, last / 4096n);
        } else if (request.at === undefined) {
          const { align = 16, skew = 0 } = request;
          assert.equal((span.guestAddress - BigInt(skew)) % BigInt(align), 0n);
        }
        span.fill(n + 1);
        spans.push(span);
        for (const space of ['guest-physical', 'user', 'io-virtual'] as const) {
          const address = {
            'guest-physical': span.guestAddress,
            user: span.userAddress,
            'io-virtual': span.ioVirtualAddress,
          };
          const pieces = map.translate(space, address[space], span.length);
          assert.ok(typeof pieces !== 'string');
          assert.deepEqual(gather(pieces), span.load());
        }
      });
      for (const [n, span] of spans.entries())
        assert.ok(
          span.load().every((byte) => byte === n + 1),
          'spans overlap',
        );
    }),
    { numRuns: 200, seed: 5 },
  );
  t.pass('200 runs');
});

t.test('a given address, an end of a region, a boundary between regions', async (t) => {
  const guest = plainGuest(guestLayouts['adjacent-regions']);
  const at = guest.allocate({ size: 10, at: guestAddress(0x8000_1234n) });
  t.equal(at.guestAddress, 0x8000_1234n);
  t.throws(() => guest.allocate({ size: 1, at: guestAddress(0x8000_123dn) }), { code: 'driver-usage' });
  t.throws(() => guest.allocate({ size: 1, at: guestAddress(0x7fff_ffffn) }), { code: 'driver-usage' });
  const end = guest.allocate({ size: 10, at: 'region-end' });
  t.equal(end.guestAddress + 10n, 0x8018_0000n);
  const crossing = guest.allocate({ size: 7, crossing: 'region' });
  t.equal(crossing.guestAddress, 0x8008_0000n - 3n);
  t.same(
    crossing.pieces.map(({ length }) => length),
    [3, 4],
  );
  crossing.store(Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
  t.same(crossing.load(), Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
  t.same(crossing.slice(1, 4).load(), Uint8Array.of(2, 3, 4, 5));
  const behind = crossing.slice(4);
  t.equal(behind.guestAddress, 0x8008_0001n);
  t.same(behind.bytes, Uint8Array.of(5, 6, 7));
  crossing.store(Uint8Array.of(9, 9), 2);
  t.same(crossing.load(), Uint8Array.of(1, 2, 9, 9, 5, 6, 7));
  t.throws(() => crossing.bytes, { code: 'driver-usage' });
  t.throws(() => crossing.store(Uint8Array.of(1, 2), 6), { code: 'driver-usage' });
  t.throws(() => crossing.slice(4, 4), { code: 'driver-usage' });
  t.throws(() => plainGuest().allocate({ size: 8, crossing: 'region' }), { code: 'driver-usage' });
  t.throws(() => guest.allocate({ size: 0x10_0000 }), { code: 'driver-usage' });
  t.throws(() => guest.allocate({ size: 8, align: 3 }), { code: 'driver-usage' });
});

t.test('what is released is given out again', async (t) => {
  const guest = plainGuest();
  guest.allocate({ size: 100 });
  const mark = guest.mark();
  const first = [guest.allocate({ size: 100 }), guest.allocate({ size: 50, at: 'region-end' })];
  guest.release(mark);
  const second = [guest.allocate({ size: 100 }), guest.allocate({ size: 50, at: 'region-end' })];
  t.same(
    second.map(({ guestAddress }) => guestAddress),
    first.map(({ guestAddress }) => guestAddress),
  );
});

t.test('a snapshot finds exactly the bytes that changed', async (t) => {
  const touched = fc.array(
    fc.record({
      region: fc.nat({ max: 2 }),
      at: fc.nat({ max: 0x8_0000 - 200 }),
      length: fc.integer({ min: 1, max: 200 }),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(touched, touched, (writes, allowed) => {
      const guest = plainGuest(guestLayouts['adjacent-regions']);
      const before = snapshot(guest);
      const isChanged = guest.regions.map(() => new Set<number>());
      for (const { region, at, length } of writes) {
        guest.regions[region]?.bytes.fill(1, at, at + length);
        for (let n = at; n < at + length; n++) isChanged[region]?.add(n);
      }
      const found = changes(before);
      const listed = isChanged.map(() => new Set<number>());
      for (const { region, offset, length } of found) {
        assert.ok(!listed[region]?.has(offset - 1), 'runs that touch are one');
        for (let n = offset; n < offset + length; n++) listed[region]?.add(n);
      }
      assert.deepEqual(
        listed,
        isChanged.map((set) => new Set([...set].sort((a, b) => a - b))),
      );
      const spans = allowed.map(({ region, at, length }) => {
        for (let n = at; n < at + length; n++) isChanged[region]?.delete(n);
        return guest.spanAt(guestAddress((guest.regions[region]?.guestAddress ?? 0n) + BigInt(at)), length);
      });
      const outside = isChanged.map(() => new Set<number>());
      for (const { region, offset, length } of changesOutside(found, spans)) {
        for (let n = offset; n < offset + length; n++) outside[region]?.add(n);
      }
      assert.deepEqual(outside, isChanged);
    }),
    { numRuns: 60, seed: 6 },
  );
  const guest = plainGuest();
  const before = snapshot(guest);
  t.same(changes(before), []);
  const last = (guest.regions[1]?.size ?? 0) - 1;
  guest.regions[1]?.bytes.fill(3, last);
  guest.regions[0]?.bytes.fill(3, 63, 65);
  t.same(changes(before), [
    { region: 0, offset: 63, length: 2 },
    { region: 1, offset: last, length: 1 },
  ]);
  t.same(changesOutside(changes(before), [guest.spanAt(guestAddress(0x10_0040n), 1)]), [
    { region: 0, offset: 63, length: 1 },
    { region: 1, offset: last, length: 1 },
  ]);
});

t.test('rings lie where they are asked to', async (t) => {
  const guest = plainGuest(guestLayouts['adjacent-regions']);
  const apart = guest.ring({ layout: 'split', size: 256, position: splitPosition(65535), placement: 'apart' });
  t.same(
    [apart.desc, apart.avail, apart.used].map(({ region }) => region.index),
    [0, 1, 2],
  );
  t.equal(apart.availIdx(), 65535);
  t.equal(apart.usedIdx(), 65535);
  const end = guest.ring({ layout: 'split', size: 16, placement: 'region-end' });
  t.ok(end.used.guestAddress + BigInt(end.used.length) > 0x8018_0000n - 16n);
  const given = guest.ring({ layout: 'split', size: 1, placement: { device: { at: guestAddress(0x8004_0004n) } } });
  t.equal(given.used.guestAddress, 0x8004_0004n);
  for (const ring of [apart, end, given]) {
    t.equal(ring.desc.guestAddress % 16n, 0n);
    t.equal(ring.avail.guestAddress % 2n, 0n);
    t.equal(ring.used.guestAddress % 4n, 0n);
  }
});
