import t from 'tap';
import { type BlockRules, blockRules } from '../../devices/block-rules.ts';
import { deviceRules } from '../../devices/device-rules.ts';
import { type FilteredFrame, filterDecisions } from '../../devices/net-filter.ts';
import { filterCommands } from '../../devices/net-filter-commands.ts';
import { type NetRules, netRules } from '../../devices/net-rules.ts';
import { type QueueRules, queueRules } from '../../devices/queue-rules.ts';
import { waiting } from '../../faults/ring/ring-fault.ts';
import { passesEvent } from '../../virtqueue/event-idx.ts';
import { packedDeviceRules } from '../../virtqueue/packed/device-rules.ts';
import { type SplitDeviceRules, splitDeviceRules } from '../../virtqueue/split/device-rules.ts';
import { observe } from './observed-device.ts';

const good = splitDeviceRules;

/** One entry replaced, for every entry of every table: each must show, or it would be no rule of the device. */
const ringEntries: { readonly [K in keyof SplitDeviceRules]: readonly SplitDeviceRules[K][] } = {
  firstAvailIdx: [(base) => (base + 1) & 0xffff],
  base: [(idx) => (idx + 1) & 0xffff, (idx) => (idx - 1) & 0xffff, (_, usedIdx) => usedIdx],
  firstUsedIdx: [() => 0, (shown, _, earlier) => earlier ?? shown],
  callDecidedAt: [(first) => (first + 1) & 0xffff],
  pending: [(avail, last) => Math.max(0, avail - last)],
  acceptsPending: [() => undefined],
  nextAvailIdx: [(idx) => (idx + 2) & 0xffff],
  availSlot: [(idx) => idx & 3],
  acceptsHead: [() => undefined, (head) => (head === 0 ? undefined : 'head-out-of-range')],
  acceptsNext: [() => undefined],
  hasNext: [() => false],
  isWritable: [(flags) => (flags & 4) !== 0],
  isIndirect: [() => false, (flags, { indirect }) => indirect && (flags & 4) !== 0],
  acceptsIndirect: [
    () => undefined,
    (flags, table, features, before) =>
      before > 0 ? 'indirect-with-next' : good.acceptsIndirect(flags, table, features, before),
  ],
  acceptsTableLength: [() => undefined, (bytes) => (bytes > 32 ? 'indirect-table-longer-than-queue' : undefined)],
  tableEntries: [() => 1],
  acceptsChainLength: [(descriptors) => (descriptors > 2 ? 'chain-longer-than-queue' : undefined)],
  acceptsOrder: [() => undefined],
  acceptsLength: [(length) => (length === 0 ? 'zero-length-descriptor' : undefined)],
  acceptsTotal: [(bytes) => (bytes > 600 ? 'longer-than-4gib' : undefined)],
  acceptsUnreachable: [() => undefined],
  reaches: [() => []],
  acceptsPlace: [(pieces) => (pieces.length > 0 ? 'buffer-region-edge' : undefined)],
  completions: [
    () => [],
    (one) => [one, one],
    waiting((held, pending) => (pending() > 0 ? [] : held)),
    waiting((held, pending) => (pending() > 0 ? [] : held.toReversed())),
  ],
  usedId: [() => 0, (chain) => chain.id + 1],
  usedLen: [() => 0, ({ written }) => written + 1, ({ chain }) => chain.readableLength],
  usedSlot: [() => 0],
  nextUsedIdx: [(idx) => Math.min(idx + 1, 65535), (idx) => (idx + 2) & 0xffff],
  publishUsed: [
    (ring, slot, id, len) => ring.setUsedElement(slot, id, len),
    (ring, _slot, _id, _len, next) => ring.setUsedIdx(next),
  ],
  afterwards: [
    (ring, { chain }) => ring.writeDescriptor(chain.id, { flags: 0x80 }),
    (_, { chain: { readable } }) => {
      for (const { bytes, offset } of readable) bytes[offset] = 0xdd;
    },
    (ring) => ring.setAvailFlags(2),
    (_, { chain: { writable } }) => {
      for (const { bytes, offset, length } of writable) bytes[offset + length] = 0xdd;
    },
  ],
  needsCall: [
    () => false,
    () => true,
    ({ before, now }) => now !== before,
    (situation) => good.needsCall({ ...situation, features: { ...situation.features, eventIdx: false } }),
    (situation) => good.needsCall({ ...situation, features: { ...situation.features, eventIdx: true } }),
    ({ features, availFlags, usedEvent, before, now }) =>
      (!features.eventIdx || passesEvent(usedEvent, now, before)) && (availFlags & 1) === 0,
    (situation) => good.needsCall({ ...situation, usedEvent: (situation.usedEvent + 1) & 0xffff }),
  ],
  usedFlags: [() => 1, () => 0, (_, wantsKicks) => (wantsKicks ? 0 : 1), () => 2],
  availEvent: [
    () => undefined,
    (_, last) => last,
    (features, last) => (features.eventIdx ? (last + 1) & 0xffff : undefined),
  ],
};

const queueEntries: { readonly [K in keyof QueueRules]: readonly QueueRules[K][] } = {
  offered: [(features) => features | (1n << 49n)],
  mayProcess: [
    (situation) => queueRules.mayProcess({ ...situation, isStarted: true }),
    (situation) => queueRules.mayProcess({ ...situation, isEnabled: true }),
    (situation) => queueRules.mayProcess({ ...situation, canDiscard: false }),
    (situation) => queueRules.mayProcess({ ...situation, isKicked: true }),
  ],
  firstTurn: [() => 0],
  survivesKick: [(pending) => (pending() ?? 1) > 0],
  breaksOnMalformed: [() => false],
  suppressesKicksWhileAwake: [() => false],
  asksForKicks: [() => false],
  sleepsBeforeLook: [() => true],
  staysAwake: [() => true],
  hearsKick: [() => false],
  calls: [() => 0, (due) => (due ? 2 : 0), () => 1, (due, uses) => (due && uses > 1 ? 1 : 0)],
  logged: [() => []],
  callQueue: [(queue) => queue ^ 1],
};

const blockEntries: { readonly [K in keyof BlockRules]: readonly BlockRules[K][] } = {
  offered: [(features) => features | (1n << 17n)],
  config: [(bytes) => bytes.slice().fill(1, 0, 1)],
  headerBytes: [
    ([first]) =>
      first === undefined ? new Uint8Array() : first.bytes.slice(first.offset, first.offset + first.length),
  ],
  decodeHeader: [(bytes) => ({ ...blockRules.decodeHeader(bytes), type: 0 })],
  dataOffset: [(readable) => readable[0]?.length ?? 0],
  statusOffset: [() => 0],
  status: [() => 0, (outcome) => (outcome === 'unsupported' ? 1 : blockRules.status(outcome))],
  acceptsDataLength: [() => true],
  isInRange: [() => true, (sector, bytes, capacity) => blockRules.isInRange(sector, bytes, capacity - 60n)],
  byteOf: [() => 0],
  read: [(stored) => stored.map((byte) => byte ^ 1)],
  write: [(data) => data.subarray(0, 512), (data) => data.map((byte) => byte ^ 1)],
  flushed: ['failed', 'unsupported'],
  supports: [(type) => type !== 8],
  unknown: [() => 'done', () => 'failed'],
  ranges: [(readable) => blockRules.ranges(readable).slice(1)],
  isRangeInDisk: [() => true, () => false],
  cleared: [({ sector, sectors }) => ({ sector, sectors: sectors + 1 })],
  acceptsRangeFlags: [() => true, () => false],
  zeroed: [() => 0x5a],
  writeback: [() => 1],
  writebackAtStart: [() => 1],
  identity: [(serial) => blockRules.identity(serial.slice(1))],
  inOrder: [
    (_, act, tell) => {
      tell();
      act();
    },
  ],
  fillRest: [() => {}],
  written: [() => 1, (chain) => chain.readableLength + chain.writableLength],
};

const netEntries: { readonly [K in keyof NetRules]: readonly NetRules[K][] } = {
  offered: [(features) => features | (1n << 13n)],
  config: [(bytes) => bytes.fill(9, 0, 1)],
  headerSize: [() => 10],
  sendsWhileDisabled: [() => true],
  receivesWhileDisabled: [() => true],
  sent: [() => new Uint8Array(), (header, frame) => frame.subarray(header.length)],
  announcement: [() => [], (mac) => netRules.announcement(mac.toReversed())],
  reflect: [() => [], (frame) => [frame, frame], (frame) => [frame.subarray(1)]],
  receiveQueue: [() => 2],
  mergesBuffers: [() => true, () => false],
  inOrder: [
    (_, act, tell) => {
      tell();
      act();
    },
  ],
  isTooLarge: [() => true],
  usableLength: [(offered) => offered - 1],
  receiveHeader: [(_, size) => new Uint8Array(size), (_, size, queue) => netRules.receiveHeader(7, size, queue)],
  packet: [(_, frame) => frame, (header, frame) => netRules.packet(header, frame.toReversed())],
  received: [(written) => written - 12, () => 0],
  transmitted: [() => 1],
  setsAddress: [() => false, () => true],
  filterCommands: Object.entries(filterCommands).map(([name, command]) => ({
    ...filterCommands,
    [name]: { ...command, carryOut: () => false },
  })),
  filter: Object.entries(filterDecisions).map(([name, decision]) => ({
    ...filterDecisions,
    [name]: (frame: FilteredFrame) => {
      const verdict = decision(frame);
      return verdict === undefined ? undefined : !verdict;
    },
  })),
  statusAnnounced: [(status) => status],
  filterAfterReset: [(before) => before],
  pairAtFirst: [(most) => most - 1],
  learned: [() => 0],
  pairOf: [(known) => known, () => 0],
  avoidsReset: [() => false],
  pairsFor: [() => 1],
  hash: [() => undefined, () => ({ value: 1, report: 1 })],
  tableIndex: [() => 0, (hash) => hash & 1],
  unclassified: [() => 0],
  dropsInReset: [() => false],
  knowsRss: [() => false],
  knowsHash: [() => false],
  hashFields: [() => new Uint8Array(8)],
  acceptsReserved: [() => false],
  kept: [() => ({ maxPackets: 1, maxUsecs: 1 })],
  isCoalesced: [() => true, () => false],
  whenDisabled: [(_, own) => own],
  clearsAtReset: [() => false],
  callsAnyway: [() => true],
};

const tables = {
  ...deviceRules,
  transport: { ring: { split: splitDeviceRules, packed: packedDeviceRules }, queue: queueRules },
};
const expected = observe(tables);

t.test('the script sees the same thing every time', async (t) => {
  t.same(observe(tables), expected);
});

let replaced = 0;
function check(name: string, variants: readonly unknown[], rulesWith: (variant: never) => typeof tables): void {
  for (const [n, variant] of variants.entries()) {
    replaced++;
    t.test(`${name} ${n}`, async (t) => {
      const seen = observe(rulesWith(variant as never));
      const at = expected.findIndex((line, index) => line !== seen[index]);
      t.ok(at >= 0, at < 0 ? 'nothing shows' : `${expected[at]?.slice(0, 80)} became ${seen[at]?.slice(0, 80)}`);
    });
  }
}

for (const [name, variants] of Object.entries(ringEntries)) {
  check(name, variants, (variant) => ({
    ...tables,
    transport: {
      ...tables.transport,
      ring: { ...tables.transport.ring, split: { ...splitDeviceRules, [name]: variant } },
    },
  }));
}
for (const [name, variants] of Object.entries(queueEntries)) {
  check(name, variants, (variant) => ({
    ...tables,
    transport: { ...tables.transport, queue: { ...queueRules, [name]: variant } },
  }));
}
for (const [name, variants] of Object.entries(blockEntries)) {
  check(name, variants, (variant) => ({ ...tables, block: { ...blockRules, [name]: variant } }));
}
for (const [name, variants] of Object.entries(netEntries)) {
  check(name, variants, (variant) => ({ ...tables, net: { ...netRules, [name]: variant } }));
}

t.test('there are enough of them', async (t) => {
  t.ok(replaced >= 80, `${replaced} replaced entries`);
});
