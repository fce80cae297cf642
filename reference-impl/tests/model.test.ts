import t from 'tap';
import { featureSet } from '../catalogue/catalogue.ts';
import { blockConfig, encodeBlockHeader, SECTOR_SIZE } from '../devices/block-layout.ts';
import { DiskModel } from '../oracle/model/disk-model.ts';
import { liberties } from '../oracle/model/liberties.ts';
import { Model } from '../oracle/model/model.ts';
import type { ModelTarget } from '../oracle/model/model-target.ts';
import { packedPosition, type RingLayout, type RingPosition, splitPosition } from '../virtqueue/ring.ts';
import { encodeHeaderInto } from '../wire/vhost-user-codec.ts';
import { requestId } from '../wire/vhost-user-messages.ts';

const version1 = 1n << 32n;
const eventIdx = 1n << 29n;
const packedRing = 1n << 34n;
const inOrder = 1n << 35n;
const replyAck = 1n << 3n;

const sectorOf = (byte: number): Uint8Array => new Uint8Array(SECTOR_SIZE).fill(byte);

function bytesOf(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const target: ModelTarget = {
  transport: 'vhost-user',
  device: 'block',
  offer: featureSet({ device: version1, protocol: replyAck }),
  capacity: 64n,
  tellsUsedPosition: true,
};

interface Setting {
  readonly target?: Partial<ModelTarget>;
  readonly features?: bigint;
  readonly protocol?: bigint;
  readonly layout?: RingLayout;
  readonly position?: RingPosition;
  readonly usedEvent?: number;
  readonly index?: number;
}

/** A model of a session with a ring of 8. */
function attached({ features = 0n, protocol = 0n, layout = 'split', usedEvent = 0, ...given }: Setting = {}) {
  const model = new Model({ ...target, ...given.target });
  const position = given.position ?? (layout === 'split' ? splitPosition(0) : packedPosition(0));
  model.observe({ kind: 'connected', session: 1 });
  const accepted = featureSet({ device: version1 | features, protocol });
  model.observe({ kind: 'negotiated', session: 1, accepted });
  const ring = { id: 1, layout, size: 8, position, isEmpty: true, isFresh: true, usedEvent };
  model.observe({ kind: 'attached', session: 1, queue: 1, index: given.index ?? 0, ring });
  const add = (id: number, readable: Uint8Array, room: number, slots = layout === 'split' ? 1 : 3): void => {
    model.observe({ kind: 'added', queue: 1, id, slots, readable, room });
    model.observe({ kind: 'published', queue: 1 });
  };
  const use = (id: number, written: Uint8Array, len = written.length): void =>
    model.observe({ kind: 'used', queue: 1, id, len, written });
  const found = (): string[] => model.findings.map(({ requirement }) => requirement);
  const write = (id: number, sector: bigint, byte: number): void =>
    add(id, bytesOf(encodeBlockHeader({ type: 1, sector }), sectorOf(byte)), 1);
  const read = (id: number, sector: bigint): void => add(id, encodeBlockHeader({ type: 0, sector }), SECTOR_SIZE + 1);
  const useRead = (id: number, byte: number): void => use(id, bytesOf(sectorOf(byte), new Uint8Array(1)));
  return { model, add, use, found, write, read, useRead };
}

const ok = new Uint8Array(1);

t.test('a read gives what was written before it, whatever the order of use', (t) => {
  const { write, read, use, useRead, found, model } = attached();
  write(0, 3n, 7);
  use(0, ok);
  read(1, 3n);
  write(2, 3n, 8);
  use(2, ok);
  useRead(1, 7);
  t.strictSame(found(), []);
  t.equal(model.liberties.countOf('completion-order'), 1);
  read(1, 3n);
  useRead(1, 7);
  t.strictSame(found(), ['blk/read-returns-written-data']);
  t.end();
});

t.test('a range with a flag that is not supported is told so; with another flaw as well any failure will do', (t) => {
  const configuration = new Uint8Array(72);
  const limits = new DataView(configuration.buffer);
  for (const most of [blockConfig.maxDiscardSectors, blockConfig.maxWriteZeroesSectors]) {
    limits.setUint32(most, 8, true);
    limits.setUint32(most + 4, 1, true);
  }
  const range = (sector: bigint, sectors: number, flags: number): Uint8Array => {
    const view = new DataView(new ArrayBuffer(16));
    view.setBigUint64(0, sector, true);
    view.setUint32(8, sectors, true);
    view.setUint32(12, flags, true);
    return new Uint8Array(view.buffer);
  };
  const discardAndZeroes = (1n << 13n) | (1n << 14n);
  const seen = (type: number, status: number, ...ranges: readonly Uint8Array[]): string[] => {
    const { add, use, found } = attached({ target: { configuration }, features: discardAndZeroes });
    add(0, bytesOf(encodeBlockHeader({ type, sector: 0n }), ...ranges), 1);
    use(0, Uint8Array.of(status));
    return found();
  };
  const [discard, zeroes] = [11, 13];
  const unknown = 'blk/unknown-range-flags-unsupported';
  t.strictSame(seen(zeroes, 2, range(3n, 4, 2)), []);
  t.strictSame(seen(zeroes, 1, range(3n, 4, 2)), [unknown]);
  t.strictSame(seen(discard, 1, range(3n, 4, 1)), ['blk/discard-unmap-unsupported']);
  const more = { 'past the disk': [range(63n, 4, 2)], 'too many': [range(1n, 1, 2), range(2n, 1, 2)] };
  for (const [what, ranges] of Object.entries(more)) {
    for (const failure of [1, 2]) t.strictSame(seen(zeroes, failure, ...ranges), [], `${what}: ${failure}`);
    t.strictSame(seen(zeroes, 0, ...ranges), [unknown], what);
  }
  t.end();
});

t.test('writes beside each other give sets of values, and a read narrows them', (t) => {
  const { write, read, use, useRead, found } = attached();
  write(0, 3n, 1);
  write(1, 3n, 2);
  use(1, ok);
  use(0, ok);
  read(2, 3n);
  useRead(2, 2);
  t.strictSame(found(), []);
  read(2, 3n);
  useRead(2, 1);
  t.strictSame(found(), ['blk/read-returns-written-data']);
  t.end();
});

t.test('a read may show what was there before a write that another read saw', (t) => {
  const { write, read, use, useRead, found } = attached();
  write(0, 3n, 1);
  use(0, ok);
  read(1, 3n);
  write(0, 3n, 2);
  use(0, ok);
  read(2, 3n);
  useRead(2, 2);
  useRead(1, 1);
  t.strictSame(found(), []);
  t.end();
});

t.test('what was neither written nor read may be anything, and the same ever after', (t) => {
  const { read, useRead, found } = attached();
  read(0, 9n);
  useRead(0, 5);
  t.strictSame(found(), []);
  read(0, 9n);
  useRead(0, 6);
  t.strictSame(found(), ['blk/read-returns-written-data']);
  t.end();
});

t.test('statuses and lengths of requests', (t) => {
  const cases: readonly [string, Uint8Array, number, Uint8Array, number, readonly string[]][] = [
    [
      'a failed read',
      encodeBlockHeader({ type: 0, sector: 0n }),
      513,
      new Uint8Array(513).fill(1),
      513,
      ['blk/status-byte-written'],
    ],
    [
      'a short len',
      encodeBlockHeader({ type: 0, sector: 0n }),
      513,
      new Uint8Array(513),
      512,
      ['split/used-len-counts-written-bytes'],
    ],
    ['a read past the end', encodeBlockHeader({ type: 0, sector: 64n }), 513, new Uint8Array(513), 513, []],
    ['an unknown type', encodeBlockHeader({ type: 99, sector: 0n }), 1, ok, 1, ['blk/unknown-request-unsupported']],
    ['FLUSH that was not accepted', encodeBlockHeader({ type: 4, sector: 0n }), 1, Uint8Array.of(1), 1, []],
    ['part of a sector', encodeBlockHeader({ type: 0, sector: 0n }), 100, new Uint8Array(100).fill(1), 1, []],
    ['more than the room', encodeBlockHeader({ type: 4, sector: 0n }), 1, ok, 2, ['split/used-len-bytes-written']],
  ];
  for (const [name, readable, room, written, len, expected] of cases) {
    const { add, use, found } = attached();
    add(0, readable, room);
    use(0, written, len);
    t.strictSame(found(), expected, name);
  }
  t.end();
});

t.test('behind a request without a status byte nothing is claimed of the ring', (t) => {
  const { add, use, found } = attached();
  add(0, new Uint8Array(4), 0);
  use(5, ok, 900);
  t.strictSame(found(), []);
  t.end();
});

t.test('ids: outstanding ones, once each, in their order with IN_ORDER', (t) => {
  const strange = attached();
  strange.write(0, 0n, 1);
  strange.use(1, ok);
  t.strictSame(strange.found(), ['split/used-id-is-chain-head']);
  const again = attached();
  again.write(0, 0n, 1);
  again.use(0, ok);
  again.use(0, ok);
  t.strictSame(again.found(), ['split/chain-used-once']);
  const ordered = attached({ features: inOrder });
  ordered.write(0, 0n, 1);
  ordered.write(1, 1n, 1);
  ordered.use(1, ok);
  t.strictSame(ordered.found(), ['reserved/in-order-use']);
  t.end();
});

t.test('a ring stops behind the chains that were used', (t) => {
  const split = attached({ position: splitPosition(0xffff) });
  split.write(0, 0n, 1);
  split.write(1, 0n, 1);
  split.use(0, ok);
  split.use(1, ok);
  split.model.observe({ kind: 'stopped', queue: 1, position: splitPosition(1), used: 2 });
  t.strictSame(split.found(), []);
  for (const [position, expected] of [
    [packedPosition(1, 0), []],
    [packedPosition(1, 1), ['vu-vring/packed-base-read-has-indices-and-wrap-counters']],
    [packedPosition(1, 0, 7, 1), ['vu-vring/packed-base-read-has-indices-and-wrap-counters']],
  ] as const) {
    const packed = attached({ layout: 'packed', features: packedRing });
    for (const id of [0, 1, 2]) {
      packed.write(id, 0n, 1);
      packed.use(id, ok);
    }
    packed.model.observe({ kind: 'stopped', queue: 1, position, used: 3 });
    t.strictSame(packed.found(), expected);
  }
  t.end();
});

t.test('calls are owed behind each use, or where used_event is passed', (t) => {
  const look = (test: ReturnType<typeof attached>, used: number, calls: number): void =>
    test.model.observe({ kind: 'calls', queue: 1, before: calls, used, calls });
  const plain = attached();
  look(plain, 2, 1);
  look(plain, 3, 1);
  t.strictSame(plain.found(), ['notify/used-buffers-notified-with-flag-clear']);
  const event = attached({ features: eventIdx, position: splitPosition(5), usedEvent: 7 });
  look(event, 2, 1);
  t.strictSame(event.found(), []);
  look(event, 3, 1);
  t.strictSame(event.found(), ['notify/passing-used-event-notifies']);
  const unasked = attached({ features: eventIdx, position: splitPosition(5), usedEvent: 3 });
  look(unasked, 1, 1);
  t.strictSame(unasked.found(), []);
  look(unasked, 2, 2);
  t.strictSame(unasked.found(), ['notify/no-notification-before-used-event']);
  t.end();
});

function message(request: number, flags: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + payload.length);
  encodeHeaderInto(new DataView(bytes.buffer), 0, request, flags, payload.length);
  bytes.set(payload, 12);
  return bytes;
}

const word = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(value).buffer);

t.test('answers: owed ones, in their order, with the words that were offered', (t) => {
  const { VHOST_USER_GET_FEATURES: features, VHOST_USER_SET_VRING_NUM: num } = requestId;
  const asked = message(features, 1, new Uint8Array(0));
  const set = message(num, 9, new Uint8Array(8));
  const exchange = (...bytes: readonly (readonly ['to' | 'from', Uint8Array])[]): string[] => {
    const { model, found } = attached({ protocol: replyAck });
    const accept = message(requestId.VHOST_USER_SET_PROTOCOL_FEATURES, 1, word(replyAck));
    for (const [direction, each] of [['to', accept] as const, ...bytes]) {
      model.observe({ kind: 'message', session: 1, direction, bytes: each });
    }
    return found();
  };
  const answer = message(features, 5, word(version1));
  t.strictSame(exchange(['to', asked], ['from', answer]), []);
  t.strictSame(exchange(['from', answer]), ['vu-reply-ack/no-answer-unless-asked']);
  t.strictSame(exchange(['to', set], ['to', asked], ['from', answer]), ['vu-reply-ack/need-reply-answered-with-u64']);
  t.strictSame(exchange(['to', asked], ['from', message(features, 5, word(1n))]), [
    'vu-features/get-features-repeatable',
  ]);
  t.strictSame(exchange(['to', asked], ['from', message(features, 1, word(version1))]), [
    'vu-header/reply-carries-reply-flag',
  ]);
  t.strictSame(exchange(['to', asked], ['from', message(num, 5, word(0n))]), [
    'vu-header/reply-repeats-request-number',
  ]);
  t.strictSame(exchange(['to', set], ['from', message(num, 5, word(0n))], ['to', asked], ['from', answer]), []);
  t.end();
});

t.test('operations: done, and not refused', (t) => {
  const { model, found } = attached({ protocol: replyAck });
  const operation = { kind: 'operation', session: 1, name: 'share' } as const;
  model.observe({ ...operation, outcome: { kind: 'done', by: 'acknowledgement' } });
  t.strictSame(found(), []);
  model.observe({ ...operation, outcome: { kind: 'done', by: 'fence' } });
  model.observe({ ...operation, outcome: { kind: 'refused' } });
  model.observe({ ...operation, outcome: { kind: 'refused' } });
  t.strictSame(found(), ['vu-reply-ack/success-is-zero']);
  t.end();
});

t.test('what a transport says itself is cited from its own text', (t) => {
  const cases = [
    ['vhost-user', ['vu-ring-state/enabled-ring-handles-every-request'], ['vu-reply-ack/success-is-zero']],
    ['vhost-mdev', ['vm-state/start-serves-rings'], ['vm-channel/message-is-taken-whole']],
  ] as const;
  for (const [transport, unserved, refused] of cases) {
    const waiting = attached({ target: { transport } });
    waiting.write(0, 0n, 1);
    waiting.model.observe({ kind: 'unserved', queue: 1, count: 1 });
    t.strictSame(waiting.found(), unserved);
    const { model, found } = attached({ target: { transport } });
    model.observe({ kind: 'operation', session: 1, name: 'share', outcome: { kind: 'refused' } });
    t.strictSame(found(), refused);
  }
  const stopped = attached({ target: { transport: 'vhost-mdev' } });
  stopped.model.observe({ kind: 'stopped', queue: 1, position: splitPosition(7), used: 0 });
  t.strictSame(stopped.found(), [], 'no text of vhost-mdev says that a base counts');
  t.end();
});

t.test('configuration: each byte has one value', (t) => {
  const { model, found } = attached();
  const configuration = { kind: 'configuration', session: 1 } as const;
  model.observe({ ...configuration, offset: 0, length: 4, bytes: Uint8Array.of(1, 2, 3, 4) });
  model.observe({ ...configuration, offset: 2, length: 2, bytes: Uint8Array.of(3, 4) });
  model.observe({ ...configuration, offset: 200, length: 2, bytes: undefined });
  t.strictSame(found(), []);
  model.observe({ ...configuration, offset: 1, length: 1, bytes: Uint8Array.of(9) });
  t.strictSame(found(), ['vu-config/get-config-window-equals-whole']);
  t.end();
});

t.test('frames that come back were sent, once each', (t) => {
  const model = new Model({ ...target, device: 'net', reflects: 'unchanged' });
  model.observe({ kind: 'connected', session: 1 });
  model.observe({ kind: 'negotiated', session: 1, accepted: featureSet({ device: version1 }) });
  const ring = {
    layout: 'split',
    size: 8,
    position: splitPosition(0),
    isEmpty: true,
    isFresh: true,
    usedEvent: 0,
  } as const;
  model.observe({ kind: 'attached', session: 1, queue: 1, index: 0, ring: { ...ring, id: 1 } });
  model.observe({ kind: 'attached', session: 1, queue: 2, index: 1, ring: { ...ring, id: 2 } });
  const frame = new Uint8Array(60).fill(6);
  const header = new Uint8Array(12);
  const received = new Uint8Array(12);
  received[10] = 1;
  for (const id of [0, 1]) {
    model.observe({ kind: 'added', queue: 1, id, slots: 1, readable: new Uint8Array(0), room: 1526 });
  }
  model.observe({ kind: 'added', queue: 2, id: 0, slots: 1, readable: bytesOf(header, frame), room: 0 });
  for (const queue of [1, 2]) model.observe({ kind: 'published', queue });
  model.observe({ kind: 'used', queue: 2, id: 0, len: 0, written: new Uint8Array(0) });
  const written = bytesOf(received, frame, new Uint8Array(1454));
  model.observe({ kind: 'used', queue: 1, id: 0, len: 72, written });
  t.strictSame(model.findings, []);
  // What the back-end announces the guest with.
  const announcement = written.slice();
  announcement.set([0x80, 0x35], 12 + 12);
  model.observe({ kind: 'added', queue: 1, id: 2, slots: 1, readable: new Uint8Array(0), room: 1526 });
  model.observe({ kind: 'published', queue: 1 });
  model.observe({ kind: 'used', queue: 1, id: 2, len: 72, written: announcement });
  t.strictSame(model.findings, []);
  t.equal(model.liberties.countOf('announcing-frame'), 1);
  model.observe({ kind: 'used', queue: 1, id: 1, len: 72, written });
  t.match(model.findings, [{ requirement: 'net/frames-arrive-intact' }]);
  t.end();
});

t.test('what is lost is not judged', (t) => {
  for (const lost of [
    { kind: 'lost', what: 'ring', id: 1 },
    { kind: 'lost', what: 'session', id: 1 },
    { kind: 'lost', what: 'all' },
  ] as const) {
    const { model, write, use, found } = attached();
    write(0, 0n, 1);
    model.observe(lost);
    use(4, ok, 77);
    model.observe({ kind: 'stopped', queue: 1, position: splitPosition(99), used: 9 });
    t.strictSame(found(), [], lost.what);
  }
  t.end();
});

t.test('a write that failed leaves both values', (t) => {
  const disk = new DiskModel();
  disk.endWrite(disk.beginWrite(1, 1, sectorOf(1)), true);
  disk.endWrite(disk.beginWrite(1, 1, sectorOf(2)), false);
  const since = disk.beginRead();
  t.equal(disk.read(1, sectorOf(1), since), undefined);
  const wrong = new DiskModel();
  wrong.endWrite(wrong.beginWrite(1, 1, sectorOf(1)), true);
  wrong.endWrite(wrong.beginWrite(1, 1, sectorOf(2)), false);
  t.strictSame(wrong.read(1, sectorOf(3), wrong.beginRead()), { sector: 1, offset: 0, allowed: [1, 2], actual: 3 });
  t.end();
});

t.test('each liberty has its clause', (t) => {
  for (const [name, { clause, allows }] of Object.entries(liberties)) {
    t.match(clause, /^(virtio \d|vhost-user)/, name);
    t.not(allows, '', name);
  }
  t.end();
});

t.test('a ring that is disabled may use what was available before, and nothing more', (t) => {
  for (const [used, expected] of [
    [2, []],
    [3, ['vu-ring-state/disabled-ring-has-no-side-effects']],
  ] as const) {
    const { model, read, found } = attached();
    for (const id of [0, 1]) read(id, 0n);
    model.observe({ kind: 'enabled', by: 'disabled', queue: 1, on: false, used: 0, suppression: 0 });
    read(2, 0n);
    model.observe({ kind: 'looked', queue: 1, used, suppression: 0 });
    t.same(found(), expected);
  }
  t.end();
});
