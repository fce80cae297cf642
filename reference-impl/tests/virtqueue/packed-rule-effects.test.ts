import t from 'tap';
import { waiting } from '../../faults/ring/ring-fault.ts';
import type { Chain } from '../../virtqueue/chain.ts';
import { type PackedDeviceRules, packedDeviceRules as right } from '../../virtqueue/packed/device-rules.ts';
import { eventWord } from '../../virtqueue/packed/layout.ts';
import { type PackedPosition, packedPosition } from '../../virtqueue/ring.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { type PackedPairOptions, packedRingPair } from './packed-ring-pair.ts';

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;

/** All that a script of chains shows of a device side: positions, ring memory, buffers and notifications. */
function observe(rules: PackedDeviceRules): string[] {
  const seen: string[] = [];
  const note = (what: string, value: unknown): void => {
    seen.push(`${what}: ${JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? one.toString(16) : one))}`);
  };
  const scene = (name: string, options: PackedPairOptions = {}) => {
    const pair = packedRingPair({ size: 7, ...options, rules });
    const { device, driver, ring, guest } = pair;
    const buffer = guest.allocate({ size: 16 });
    buffer.fill(0x55);
    const state = (): void => {
      note(`${name} position`, device.position);
      note(`${name} ring`, [...ring.areas.descriptor.load()]);
      note(`${name} events`, [...ring.areas.driver.load(), ...ring.areas.device.load()]);
      note(`${name} buffer`, [...buffer.load()]);
      note(`${name} used`, driver.reapUsed());
      note(`${name} pending`, device.pending());
    };
    const take = (): Chain | undefined => {
      const next = device.next();
      if (next.kind !== 'chain') {
        note(`${name} next`, next);
        return undefined;
      }
      const { id, slots, descriptors, readableLength, writableLength } = next;
      note(`${name} chain`, { id, slots, descriptors, readableLength, writableLength });
      note(
        `${name} readable`,
        next.readable.map(({ offset, length }) => `${offset}+${length}`),
      );
      return next;
    };
    return { ...pair, buffer, state, take };
  };

  const work = (name: string, position: PackedPosition, options: PackedPairOptions = {}): void => {
    const { driver, device, buffer, state, take, ring } = scene(name, { position, ...options });
    for (let round = 0; round < 5; round++) {
      driver.add([readable(buffer)]);
      driver.add([readable(buffer), writable(buffer), writable(buffer)]);
      driver.publish();
      ring.setDriverEvent(eventWord(round % 3, (position.avail + 4 * round) % 7, round % 2 === 0 ? 1 : 0));
      note(`${name} kick`, driver.needsKick());
      device.wantKicks(round % 2 === 0);
      for (let chain = take(); chain !== undefined; chain = take()) {
        device.complete(chain, chain.writableLength === 0 ? 0 : 9);
        note(`${name} used so far`, driver.usedCount());
      }
      note(`${name} call`, device.needsCall());
      state();
    }
  };
  work('plain', packedPosition(0));
  work('later', packedPosition(5, 0), { eventIdx: true });

  for (const inOrder of [false, true]) {
    const { driver, device, buffer, state, take } = scene(`together ${inOrder}`, {
      inOrder,
      observer: { wroteRing: (area, offset, length) => note('store', [area, offset, length]) },
    });
    for (let n = 0; n < 3; n++) driver.add([writable(buffer)]);
    driver.publish();
    device.beginTogether();
    for (let n = 0; n < 3; n++) {
      const chain = take();
      if (chain !== undefined) device.complete(chain, 16);
    }
    state();
    device.endTogether();
    state();
  }

  const raw = (name: string, make: (at: (flags?: number, id?: number) => Raw) => readonly Raw[]): void => {
    const { driver, device, buffer, take, state } = scene(name);
    const at = (flags = 0, id = 3): Raw => ({ addr: buffer.guestAddress, len: 16, id, flags });
    driver.addRaw(make(at));
    driver.publish();
    const chain = take();
    if (chain !== undefined) device.complete(chain, 4);
    state();
  };
  raw('ids', (at) => [at(NEXT, 1), at(NEXT, 2), at(WRITE, 0xfff0)]);
  raw('in order', (at) => [at(NEXT), { ...at(), len: 8 }]);
  raw('unavailable', (at) => [at(NEXT), at(0x8080)]);
  raw('order', (at) => [at(NEXT | WRITE), at()]);
  raw('empty buffer', (at) => [{ ...at(), len: 0 }]);
  raw('too long', (at) => Array.from({ length: 7 }, (_, n) => at(n < 6 ? NEXT : 0)));
  raw('unreachable', (at) => [{ ...at(), addr: 0x30_0000_0000n }]);
  raw('table too long', (at) => [{ ...at(INDIRECT), len: 8 * 16 }]);
  raw('table of 15', (at) => [{ ...at(INDIRECT), len: 15 }]);
  raw('indirect and next', (at) => [at(INDIRECT | NEXT), at()]);
  raw('behind direct', (at) => [at(NEXT), at(INDIRECT)]);
  raw('huge', (at) => [
    { ...at(NEXT), len: 0xffff_ffff },
    { ...at(), len: 0xffff_ffff },
  ]);

  const table = scene('table');
  const entries = table.guest.allocate({ size: 48 });
  const view = new DataView(entries.bytes.buffer, entries.bytes.byteOffset);
  for (const [n, flags] of [NEXT | INDIRECT, WRITE, WRITE | NEXT].entries()) {
    view.setBigUint64(16 * n, table.buffer.guestAddress, true);
    view.setUint32(16 * n + 8, 16, true);
    view.setUint16(16 * n + 14, flags, true);
  }
  table.driver.addRaw([{ addr: entries.guestAddress, len: 48, id: 5, flags: INDIRECT }]);
  table.driver.publish();
  table.take();
  return seen;
}

interface Raw {
  readonly addr: bigint;
  readonly len: number;
  readonly id: number;
  readonly flags: number;
}

/** One entry replaced, for every entry of the table: each must show, or it would be no rule of the device. */
const entries: { readonly [K in keyof PackedDeviceRules]: readonly PackedDeviceRules[K][] } = {
  firstPosition: [() => packedPosition(0), (told) => ({ ...told, usedWrap: 1 })],
  stopPosition: [(position) => ({ ...position, avail: position.used }), (position) => ({ ...position, availWrap: 1 })],
  isAvailable: [() => false, (flags) => (flags & 0x80) !== 0],
  readSlot: [(_, slot) => slot + 1],
  roundLength: [() => 8, () => 6],
  nextWrap: [(wrap) => wrap],
  acceptsChained: [
    () => undefined,
    (flags, wrap, slot) => (slot === 0 ? 'chained-descriptor-not-available' : right.acceptsChained(flags, wrap, slot)),
  ],
  acceptsIndirect: [
    () => undefined,
    (flags, features) => right.acceptsIndirect(flags, features, 0),
    (flags, features, before) => right.acceptsIndirect(flags & ~NEXT, features, before),
  ],
  flagsInTable: [(flags) => flags | WRITE, () => 0],
  arrangeReadable: [(readable) => readable.reverse()],
  chainId: [(first) => first],
  acceptsId: [(id, size) => (id < size ? undefined : 'head-out-of-range')],
  hasNext: [() => false],
  isWritable: [() => false],
  isIndirect: [() => false],
  acceptsTableLength: [() => undefined],
  tableEntries: [(bytes) => bytes / 16 - 1],
  acceptsChainLength: [(count) => (count > 6 ? 'chain-longer-than-queue' : undefined)],
  acceptsOrder: [() => undefined],
  acceptsLength: [(length) => (length === 0 ? 'zero-length-descriptor' : undefined)],
  acceptsTotal: [(bytes) => (bytes > 20 ? 'longer-than-4gib' : undefined)],
  acceptsUnreachable: [() => undefined],
  reaches: [() => []],
  acceptsPlace: [() => 'buffer-region-edge'],
  completions: [() => [], waiting((held, pending) => (pending() > 0 ? [] : held)), (one) => [one, one]],
  joinsBatch: [() => false, () => true],
  usedId: [({ id }) => id + 1],
  usedLen: [({ written }) => written + 1],
  usedFlags: [(done, wrap) => right.usedFlags(done, wrap) & ~WRITE, (done) => right.usedFlags(done, 1)],
  slotsPassed: [() => 1],
  publishUsed: [
    (ring, slot, id, len, flags) => right.publishUsed(ring, slot, id, len, flags, false),
    (ring, slot, _id, _len, flags) => ring.setFlags(slot, flags),
  ],
  show: [() => {}],
  afterwards: [
    (ring, slot) => ring.writeDescriptor(slot, { addr: 1n }),
    (_ring, _slot, { chain }) => {
      for (const { bytes, offset } of chain.readable) bytes[offset] = 0xdd;
    },
  ],
  needsCall: [() => true, () => false, (now) => right.needsCall({ ...now, wrap: 1 })],
  deviceEvent: [
    () => 0,
    (features, slot, wrap) => right.deviceEvent(features, slot, wrap, true),
    (features, slot, _wrap, wanted) => right.deviceEvent(features, slot, 1, wanted),
  ],
};

const expected = observe(right);

t.test('the script sees the same thing every time', async (t) => {
  t.same(observe(right), expected);
});

for (const [name, variants] of Object.entries(entries)) {
  for (const [n, variant] of variants.entries()) {
    t.test(`${name} ${n}`, async (t) => {
      const seen = observe({ ...right, [name]: variant });
      const at = expected.findIndex((line, index) => line !== seen[index]);
      t.ok(at >= 0, at < 0 ? 'nothing shows' : `${expected[at]?.slice(0, 80)} became ${seen[at]?.slice(0, 80)}`);
    });
  }
}
