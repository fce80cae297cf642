import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { packedPosition, startPosition } from '../virtqueue/ring.ts';
import { compileLayout } from '../wire/compile-layout.ts';
import { bytes, padding, repeated, tail, u16, u32 } from '../wire/layout.ts';
import {
  configPayload,
  cryptoSessionByOperationPayload,
  cryptoSessionPayload,
  inflightPayload,
  iotlbPayload,
  memoryRegionsPayload,
  mmapPayload,
  shmemConfigPayload,
  singleMemoryRegionPayload,
  vringAddressPayload,
  vringBaseSplitPayload,
} from '../wire/vhost-user-payloads.ts';
import { decodeVringBase, encodeVringBase } from '../wire/vring-base.ts';
import { describeWireProblem } from '../wire/wire-problem.ts';
import { type allCodecs, codecAndValue } from './wire-arbitraries.ts';

function encoded(codec: (typeof allCodecs)[number], value: unknown, margin = 0): DataView {
  const view = new DataView(new ArrayBuffer(codec.sizeOf(value) + 2 * margin));
  assert.equal(codec.encode(value, view, margin), codec.sizeOf(value));
  return view;
}

t.test('sizes are those of the specification', async (t) => {
  t.equal(vringAddressPayload.size, 40);
  t.equal(singleMemoryRegionPayload.size, 40);
  t.equal(memoryRegionsPayload.size, 8);
  t.equal(iotlbPayload.size, 32);
  t.equal(inflightPayload.size, 24);
  t.equal(configPayload.size, 12);
  t.equal(mmapPayload.size, 40);
  t.equal(shmemConfigPayload.size, 2056);
  t.equal(cryptoSessionPayload.size, 632);
  t.equal(cryptoSessionByOperationPayload.size, 1072);
});

t.test('what a codec wrote it reads back, wherever it lies', async () => {
  fc.assert(
    fc.property(codecAndValue, fc.nat(9), ({ codec, value }, margin) => {
      const view = encoded(codec, value, margin);
      const result = codec.decode(view, margin, codec.sizeOf(value));
      assert.ok(result.ok);
      assert.deepEqual(result.value, value);
      assert.ok(result.remarks.every((remark) => remark.name === 'reserved-bits-set'));
    }),
    { numRuns: 500 },
  );
});

t.test('a payload one or more bytes off is refused, with the byte where it goes wrong', async () => {
  fc.assert(
    fc.property(codecAndValue, fc.integer({ min: 1, max: 40 }), ({ codec, value }, off) => {
      const size = codec.sizeOf(value);
      const whole = encoded(codec, value, 40);
      if (size >= off) {
        const short = codec.decode(whole, 40, size - off);
        assert.ok(!short.ok);
        assert.equal(short.problems[0]?.name, 'size-short-of-payload');
        assert.equal(short.problems[0]?.offset, size - off);
      }
      const long = codec.decode(whole, 40, size + off);
      const isCounted = codec.layout.some((field) => field.kind === 'repeated');
      if (long.ok) {
        assert.ok(isCounted && long.remarks.some((remark) => remark.name === 'size-beyond-count'));
      } else {
        assert.equal(long.problems[0]?.name, 'size-beyond-known-payload');
      }
    }),
    { numRuns: 500 },
  );
});

t.test('the missing field is named', async (t) => {
  const view = new DataView(new ArrayBuffer(64));
  const result = vringAddressPayload.decode(view, 0, 17);
  t.match(result, { ok: false, problems: [{ name: 'size-short-of-payload', offset: 17, field: 'used' }] });
  t.same(result.ok ? [] : result.problems.map(describeWireProblem), [
    'size-short-of-payload at byte 17 (used): 17 bytes where 40 belong',
  ]);
});

t.test('padding and reserved bits are remarked and the value is still read', async (t) => {
  const view = new DataView(new ArrayBuffer(64));
  singleMemoryRegionPayload.encode({ guestAddress: 1n, size: 2n, userAddress: 3n, mmapOffset: 4n }, view, 0);
  view.setUint8(7, 1);
  t.match(singleMemoryRegionPayload.decode(view, 0, 40), {
    ok: true,
    value: { guestAddress: 1n, mmapOffset: 4n },
    remarks: [{ name: 'padding-not-zero', offset: 0, field: 'padding' }],
  });
  view.setUint32(0, 1, true);
  view.setUint32(4, 0x1_0005, true);
  t.match(vringBaseSplitPayload.decode(view, 0, 8), {
    ok: true,
    value: { index: 1, num: 0x1_0005 },
    remarks: [{ name: 'reserved-bits-set', offset: 4, field: 'num' }],
  });
});

t.test('structure padding may hold anything', async (t) => {
  const view = new DataView(new ArrayBuffer(32));
  view.setUint32(26, 0xdeadbeef, true);
  t.match(iotlbPayload.decode(view, 0, 32), { ok: true, remarks: [] });
});

t.test('encoders write counts that lie, and decoders see it', async (t) => {
  const region = { guestAddress: 0n, size: 1n, userAddress: 2n, mmapOffset: 3n };
  const view = new DataView(new ArrayBuffer(512));
  t.equal(memoryRegionsPayload.encode({ numRegions: 3, regions: [region] }, view, 0), 40);
  t.match(memoryRegionsPayload.decode(view, 0, 40), { ok: false, problems: [{ name: 'size-short-of-payload' }] });
  memoryRegionsPayload.encode({ numRegions: 9, regions: Array.from({ length: 9 }, () => region) }, view, 0);
  t.match(memoryRegionsPayload.decode(view, 0, 8 + 9 * 32), {
    ok: false,
    problems: [{ name: 'count-beyond-maximum', offset: 0, field: 'numRegions' }],
  });
  configPayload.encode({ offset: 0, size: 0xffff_ffff, flags: 0, payload: new Uint8Array(4) }, view, 0);
  t.match(configPayload.decode(view, 0, 16), { ok: false, problems: [{ name: 'size-short-of-payload' }] });
});

t.test('numbers wrap to their width, short bytes are filled with zeros and long ones cut', async (t) => {
  const codec = compileLayout('test', [u16('small'), padding(2), bytes('name', 4)]);
  const view = new DataView(new ArrayBuffer(8));
  new Uint8Array(view.buffer).fill(0xaa);
  codec.encode({ small: 0x1_2345, name: new Uint8Array([1, 2]) }, view, 0);
  t.same([...new Uint8Array(view.buffer)], [0x45, 0x23, 0, 0, 1, 2, 0, 0]);
  codec.encode({ small: 0, name: new Uint8Array([1, 2, 3, 4, 5]) }, view, 0);
  t.same([...new Uint8Array(view.buffer)], [0, 0, 0, 0, 1, 2, 3, 4]);
});

t.test('a decoded value shares no memory with the message', async (t) => {
  const codec = compileLayout('test', [u32('size'), tail('data', 'size')]);
  const view = new DataView(new ArrayBuffer(8));
  codec.encode({ size: 4, data: new Uint8Array([1, 2, 3, 4]) }, view, 0);
  const result = codec.decode(view, 0, 8);
  view.setUint32(4, 0, true);
  t.match(result, { ok: true, value: { data: new Uint8Array([1, 2, 3, 4]) } });
});

t.test('tables that are no layout are refused when they are compiled', async (t) => {
  t.throws(() => compileLayout('bad name', [u32('no-name')]), RangeError);
  t.throws(() => compileLayout('injection', [u32('a, b: alert()')]), RangeError);
  t.throws(() => compileLayout('list first', [u32('size'), tail('data', 'size'), u32('after')]), RangeError);
  t.throws(() => compileLayout('no counter', [tail('data', 'size')]), RangeError);
  t.throws(
    () => compileLayout('nested', [u32('n'), repeated('list', 'n', 2, [u32('m'), tail('data', 'm')])]),
    RangeError,
  );
});

t.test('packed vring bases', async (t) => {
  t.equal(encodeVringBase(packedPosition(3, 0, 5, 1)), 0x8005_0003);
  t.equal(encodeVringBase(startPosition('packed')), 0x8000_8000);
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (num) => {
      assert.equal(encodeVringBase(decodeVringBase('packed', num)), num);
    }),
  );
});
