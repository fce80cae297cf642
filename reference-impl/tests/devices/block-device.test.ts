import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { BlockDevice, type BlockOptions } from '../../devices/block-device.ts';
import {
  encodeBlockHeader,
  RANGE_SIZE,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_MQ,
  VIRTIO_BLK_F_WRITE_ZEROES,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from '../../devices/block-layout.ts';
import { plainGuest } from '../../memory/guest.ts';
import { type GuestLayoutName, guestLayouts } from '../../memory/guest-layout.ts';
import { changes, changesOutside, snapshot } from '../../memory/snapshot.ts';
import type { Span } from '../../memory/span.ts';
import {
  VIRTIO_F_ACCESS_PLATFORM,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
} from '../../virtqueue/feature-bits.ts';
import { areaAddresses, type RingArea, ringAreas, splitPosition } from '../../virtqueue/ring.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import type { SplitAddOptions } from '../../virtqueue/split/driver-ring.ts';
import { type HarnessOptions, harness } from './queue-harness.ts';

interface Request {
  readonly type: number;
  readonly sector?: bigint;
  /** Readable bytes after the header; writable bytes before the status. */
  readonly out?: Uint8Array;
  readonly inLength?: number;
  /** Where descriptors end, as lengths that are taken in turn; one for each of header, data and status unless given. */
  readonly cuts?: readonly number[];
  readonly queue?: number;
  readonly add?: SplitAddOptions;
}

function bench(device: BlockDevice, options: HarnessOptions = {}) {
  const h = harness(device, options);
  const place = (bytes: Uint8Array, cuts: readonly number[]): Span[] => {
    const spans: Span[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(cuts[spans.length % cuts.length] ?? bytes.length, bytes.length - at);
      const span = h.guest.allocate({ size: length, align: 1 });
      span.store(bytes.subarray(at, at + length));
      spans.push(span);
      at += length;
    }
    return spans;
  };
  const carryOut = ({
    type,
    sector = 0n,
    out = new Uint8Array(),
    inLength = 0,
    cuts,
    queue: index = 0,
    add,
  }: Request) => {
    const queue = h.queue(index);
    const sent = new Uint8Array(16 + out.length);
    sent.set(encodeBlockHeader({ type, sector }));
    sent.set(out, 16);
    const outSpans = place(sent, cuts ?? [16, Math.max(1, out.length)]);
    const inSpans = place(new Uint8Array(inLength + 1).fill(0xee), cuts ?? (inLength === 0 ? [1] : [inLength, 1]));
    const head = queue.driver.add([...outSpans.map(readable), ...inSpans.map(writable)], add);
    assert.notEqual(head, 'ring-full');
    const before = snapshot(h.guest);
    queue.run();
    const used = queue.driver.reapUsed();
    const strays = changesOutside(changes(before), [...inSpans, queue.ring.avail, queue.ring.used]);
    assert.deepEqual(strays, [], 'written outside buffers and ring');
    const answer = Uint8Array.from(inSpans.flatMap((span) => [...span.load()]));
    return { head, used, status: answer.at(-1), data: answer.slice(0, -1) };
  };
  return { ...h, carryOut };
}

const pattern = (length: number, seed = 3): Uint8Array => Uint8Array.from({ length }, (_, n) => (n * 7 + seed) & 0xff);
const OK = 0;
const IOERR = 1;
const UNSUPP = 2;

t.test('a write is read back byte for byte', async (t) => {
  const device = new BlockDevice();
  const { carryOut, calls } = bench(device);
  const data = pattern(1536);
  const wrote = carryOut({ type: VIRTIO_BLK_T_OUT, sector: 5n, out: data });
  t.same(wrote.used, [{ id: wrote.head, len: 1 }]);
  t.equal(wrote.status, OK);
  t.same(device.disk.slice(5 * 512, 8 * 512), data);
  const read = carryOut({ type: VIRTIO_BLK_T_IN, sector: 5n, inLength: 1536 });
  t.same(read.used, [{ id: read.head, len: 1537 }]);
  t.equal(read.status, OK);
  t.same(read.data, data);
  t.same(calls, [2]);
});

t.test('any requests, however descriptors divide them, act on the disk as on an array', async (t) => {
  const SECTORS = 16;
  const request = fc.record({
    isWrite: fc.boolean(),
    sector: fc.nat({ max: SECTORS + 2 }),
    sectors: fc.nat({ max: 4 }),
    seed: fc.nat({ max: 255 }),
    cuts: fc.option(fc.array(fc.constantFrom(1, 3, 15, 16, 17, 100, 511, 512, 513), { minLength: 1, maxLength: 4 })),
    indirect: fc.boolean(),
  });
  const setting = fc.record({
    layout: fc.constantFrom(...(Object.keys(guestLayouts) as GuestLayoutName[])),
    base: fc.constantFrom(0, 65533, 40000),
    eventIdx: fc.boolean(),
    platform: fc.boolean(),
    placement: fc.constantFrom('contiguous', 'apart', 'region-end'),
  } as const);
  let requests = 0;
  fc.assert(
    fc.property(setting, fc.array(request, { minLength: 1, maxLength: 12 }), (setting, plan) => {
      const device = new BlockDevice({ sectors: SECTORS });
      const { carryOut, calls } = bench(device, {
        guest: plainGuest(guestLayouts[setting.layout]),
        size: 256,
        base: setting.base,
        placement: setting.placement,
        features:
          VIRTIO_F_VERSION_1 |
          VIRTIO_F_INDIRECT_DESC |
          (setting.eventIdx ? VIRTIO_F_EVENT_IDX : 0n) |
          (setting.platform ? VIRTIO_F_ACCESS_PLATFORM : 0n),
        ringSpace: setting.platform ? 'io-virtual' : 'user',
        bufferSpace: setting.platform ? 'io-virtual' : 'guest-physical',
      });
      const model = new Uint8Array(SECTORS * 512);
      for (const { isWrite, sector, sectors, seed, cuts, indirect } of plan) {
        const length = sectors * 512;
        // Cuts of one byte would need more descriptors than the queue has.
        const usable = cuts !== null && cuts.reduce((sum, cut) => sum + cut, 0) / cuts.length > 15 ? { cuts } : {};
        const out = isWrite ? pattern(length, seed) : new Uint8Array();
        const { head, used, status, data } = carryOut({
          type: isWrite ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
          sector: BigInt(sector),
          out,
          inLength: isWrite ? 0 : length,
          ...usable,
          ...(indirect ? { add: { indirect: 'all' } } : {}),
        });
        const isInRange = sector + sectors <= SECTORS;
        assert.deepEqual(used, [{ id: head, len: isWrite ? 1 : length + 1 }]);
        assert.equal(status, isInRange ? OK : IOERR);
        if (isInRange && isWrite) model.set(out, sector * 512);
        if (isInRange && !isWrite) assert.deepEqual(data, model.slice(sector * 512, sector * 512 + length));
        assert.equal(Buffer.compare(device.disk, model), 0, 'the disk');
        requests++;
      }
      if (!setting.eventIdx) assert.deepEqual(calls, [plan.length]);
    }),
    { numRuns: 80, seed: 7 },
  );
  t.ok(requests > 300, `${requests} requests`);
});

t.test('GET_ID, FLUSH and requests that are not served', async (t) => {
  const { carryOut } = bench(new BlockDevice({ serial: 'abc' }));
  const id = carryOut({ type: VIRTIO_BLK_T_GET_ID, inLength: 20 });
  t.equal(id.status, OK);
  t.same([...id.data], [97, 98, 99, ...Array.from({ length: 17 }, () => 0)]);
  t.same(id.used, [{ id: id.head, len: 21 }]);
  t.match(carryOut({ type: VIRTIO_BLK_T_FLUSH }), { status: OK });
  for (const type of [2, 3, 9, 10, 14, 0x8000_0000, 0xffff_ffff]) t.match(carryOut({ type }), { status: UNSUPP });
  t.match(carryOut({ type: VIRTIO_BLK_T_DISCARD, out: new Uint8Array(16) }), { status: UNSUPP }, 'not negotiated');
  t.match(carryOut({ type: VIRTIO_BLK_T_IN, inLength: 511 }), { status: IOERR }, 'not a multiple of 512');
  t.match(carryOut({ type: VIRTIO_BLK_T_IN, sector: 2048n, inLength: 512 }), { status: IOERR });
  t.match(carryOut({ type: VIRTIO_BLK_T_IN, sector: 0xffff_ffff_ffff_ffffn, inLength: 512 }), { status: IOERR });
  t.match(carryOut({ type: VIRTIO_BLK_T_IN, sector: 2047n, inLength: 1024 }), { status: IOERR });
  t.match(carryOut({ type: VIRTIO_BLK_T_IN, sector: 2047n, inLength: 512 }), { status: OK });
});

t.test('a serial number of 20 characters has no terminator, longer ones are cut', async (t) => {
  const { carryOut } = bench(new BlockDevice({ serial: '0123456789012345678901234' }));
  t.same(String.fromCharCode(...carryOut({ type: VIRTIO_BLK_T_GET_ID, inLength: 20 }).data), '01234567890123456789');
});

t.test('discard and write zeroes', async (t) => {
  const device = new BlockDevice({ sectors: 8 });
  const { carryOut } = bench(device, {
    features: VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES,
  });
  const range = (sector: bigint, sectors: number, flags = 0): Uint8Array => {
    const bytes = new Uint8Array(RANGE_SIZE);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, sector, true);
    view.setUint32(8, sectors, true);
    view.setUint32(12, flags, true);
    return bytes;
  };
  device.disk.fill(5);
  t.match(carryOut({ type: VIRTIO_BLK_T_WRITE_ZEROES, out: range(1n, 2) }), { status: OK });
  t.same([...device.disk].map((byte, n) => byte === (n >= 512 && n < 1536 ? 0 : 5)).includes(false), false);
  t.match(carryOut({ type: VIRTIO_BLK_T_WRITE_ZEROES, out: range(3n, 1, 1) }), { status: OK }, 'unmap');
  t.match(carryOut({ type: VIRTIO_BLK_T_WRITE_ZEROES, out: range(3n, 1, 2) }), { status: UNSUPP }, 'an unknown flag');
  t.match(carryOut({ type: VIRTIO_BLK_T_DISCARD, out: range(4n, 1) }), { status: OK });
  t.match(carryOut({ type: VIRTIO_BLK_T_DISCARD, out: range(4n, 1, 1) }), { status: UNSUPP }, 'discard with unmap');
  t.match(carryOut({ type: VIRTIO_BLK_T_DISCARD, out: range(7n, 2) }), { status: IOERR });
  t.equal(device.disk[5 * 512], 5);
});

t.test('configuration space', async (t) => {
  const device = new BlockDevice({ sectors: 4096, queues: 3 });
  const config = device.readConfig(0, device.configSize);
  const view = new DataView((config ?? new Uint8Array()).buffer);
  t.equal(device.configSize, 72);
  t.equal(view.getBigUint64(0, true), 4096n);
  t.equal(view.getUint32(12, true), 126);
  t.equal(view.getUint32(20, true), 512);
  t.equal(view.getUint8(33), 0);
  t.equal(view.getUint16(34, true), 3);
  t.same(device.readConfig(34, 2), Uint8Array.of(3, 0));
  t.equal(device.readConfig(71, 2), undefined);
  t.notOk(device.writeConfig(32, Uint8Array.of(0)), 'without CONFIG_WCE');
  device.setFeatures(VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_CONFIG_WCE);
  t.same(device.readConfig(32, 1), Uint8Array.of(0));
  for (const value of [1, 0, 9]) {
    t.ok(device.writeConfig(32, Uint8Array.of(value)));
    t.same(device.readConfig(32, 1), Uint8Array.of(Math.min(value, 1)));
  }
  t.notOk(device.writeConfig(0, Uint8Array.of(0)));
  t.notOk(device.writeConfig(32, Uint8Array.of(0, 0)));
  device.reset();
  t.same(device.readConfig(32, 1), Uint8Array.of(1));
  t.equal(device.features, 0n);
});

t.test('a malformed chain breaks its queue alone, and touches nothing', async (t) => {
  const device = new BlockDevice({ queues: 2 });
  const { carryOut, queue, errors, guest } = bench(device, { features: VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_MQ });
  const broken = queue(0);
  broken.ring.writeDescriptor(0, { addr: 0xdead_0000_0000n, len: 512, flags: 2, next: 0 });
  broken.driver.addHead(0);
  const before = snapshot(guest);
  broken.run();
  t.same(errors, [{ queue: 0, reason: 'buffer-outside-every-region' }]);
  t.match(device.queueState(0), { isStarted: true, broken: 'buffer-outside-every-region' });
  t.same(changesOutside(changes(before), [broken.ring.avail]), []);
  t.match(carryOut({ type: VIRTIO_BLK_T_IN, inLength: 512, queue: 1 }), { status: OK });
  device.notify(0);
  t.equal(device.step(), 'idle');
  t.equal(errors.length, 1);
  t.same(device.stopQueue(0), splitPosition(0), 'the malformed chain was not passed');
  t.match(device.queueState(0), { isStarted: false });
});

t.test('a request without a place for its status breaks the queue; one without a whole header fails', async (t) => {
  const device = new BlockDevice({ queues: 2 });
  const { queue, errors, guest } = bench(device);
  const status = guest.allocate({ size: 1 });
  status.fill(0xee);
  const short = guest.allocate({ size: 15 });
  queue(1).driver.add([readable(short), writable(status)]);
  queue(1).run();
  t.same(status.load(), Uint8Array.of(IOERR));
  queue(0).driver.add([readable(short)]);
  queue(0).run();
  t.same(errors, [{ queue: 0, reason: 'request-without-status' }]);
});

t.test('nothing is done before the kick, when disabled, or after stop; a base is where it goes on', async (t) => {
  const options: BlockOptions = { queues: 1 };
  const device = new BlockDevice(options);
  const h = bench(device, { base: 65535 });
  const { ring, driver } = h.queue(0);
  const status = writable(h.guest.allocate({ size: 1 }));
  const header = h.guest.allocate({ size: 16 });
  header.store(encodeBlockHeader({ type: VIRTIO_BLK_T_FLUSH, sector: 0n }));
  const add = () => driver.add([readable(header), status]);
  add();
  driver.publish();
  t.equal(device.step(), 'idle', 'not kicked');
  device.setQueueEnabled(0, false);
  device.notify(0);
  t.equal(device.step(), 'idle', 'disabled');
  device.setQueueEnabled(0, true);
  device.stop();
  t.equal(device.step(), 'idle', 'the device is stopped');
  device.start();
  t.equal(device.step(), 'progressed');
  t.equal(device.step(), 'idle');
  t.equal(ring.usedIdx(), 0);
  t.same(device.stopQueue(0), splitPosition(0));
  add();
  driver.publish();
  device.notify(0);
  t.equal(device.step(), 'idle', 'the ring is stopped');
  const areas = areaAddresses(ring, 'user');
  const start = {
    size: 16,
    areas,
    ringSpace: 'user',
    bufferSpace: 'guest-physical',
    position: splitPosition(0),
  } as const;
  t.equal(device.startQueue(0, start), undefined);
  device.notify(0);
  t.equal(device.step(), 'progressed');
  t.equal(ring.usedIdx(), 1);
  t.same(driver.reapUsed().length, 2);
});

t.test('rings that cannot be had are refused with the reason', async (t) => {
  const device = new BlockDevice();
  const { guest, queue } = bench(device);
  device.stopQueue(0);
  const { ring } = queue(0);
  const areas = areaAddresses(ring, 'user');
  const good = {
    size: 16,
    areas,
    ringSpace: 'user',
    bufferSpace: 'guest-physical',
    position: splitPosition(0),
  } as const;
  for (const size of [0, 3, 17, 32769, 65536]) t.equal(device.startQueue(0, { ...good, size }), 'queue-size-unlawful');
  const wrong = (part: Partial<typeof areas>) => device.startQueue(0, { ...good, areas: { ...areas, ...part } });
  const shifted = (area: RingArea, by: bigint) => ({ [area]: areas[area] + by });
  t.equal(wrong(shifted('descriptor', 8n)), 'descriptor-area-misaligned');
  t.equal(wrong(shifted('driver', 1n)), 'driver-area-misaligned');
  t.equal(wrong(shifted('device', 2n)), 'device-area-misaligned');
  for (const area of ringAreas) {
    t.equal(wrong({ [area]: 0x1000n }), `${area}-area-outside-every-region`);
    t.equal(wrong({ [area]: ring.areas[area].guestAddress }), `${area}-area-outside-every-region`);
    t.equal(wrong({ [area]: 0xffff_ffff_ffff_fff0n }), `${area}-area-wraps-address-space`);
    const end = guest.regions[1];
    const edge = (end?.userAddress ?? 0n) + 0x10_0000n - 16n;
    t.equal(wrong({ [area]: edge }), `${area}-area-region-edge`);
  }
  t.equal(device.queueState(0).isStarted, false);
  const adjacent = plainGuest(guestLayouts['adjacent-regions']);
  const other = bench(new BlockDevice(), { guest: adjacent });
  t.equal(other.errors.length, 0);
});

t.test('heads that were in flight are carried out again, before others', async (t) => {
  const device = new BlockDevice({ sectors: 8 });
  const seen: string[] = [];
  const { guest, queue } = bench(device);
  const { ring, driver } = queue(0);
  const heads = [0n, 1n, 2n].map((sector) => {
    const header = guest.allocate({ size: 16 });
    header.store(encodeBlockHeader({ type: VIRTIO_BLK_T_IN, sector }));
    return driver.add([readable(header), writable(guest.allocate({ size: 513 }))]);
  });
  driver.publish();
  device.stopQueue(0);
  device.setSinks({
    signalCall: () => {},
    signalError: (_, reason) => seen.push(reason),
    fetched: (_, { id }) => seen.push(`fetched ${id}`),
    using: (_, { id }) => seen.push(`using ${id} at ${ring.usedIdx()}`),
    used: (_, { id }, { used }) => seen.push(`used ${id} at ${used}`),
    wroteRing: (_, area, offset, length) => seen.push(`wrote ${area} ${offset}+${length}`),
    wroteMemory: (address, length) => seen.push(`buffer ${address - (address & 0xfffn)}+${length}`),
  });
  const areas = areaAddresses(ring, 'user');
  device.startQueue(0, {
    size: 16,
    areas,
    ringSpace: 'user',
    bufferSpace: 'guest-physical',
    position: splitPosition(2),
    resubmitted: [heads[1], heads[0]].map((head) => ({ id: Number(head), descriptors: [] })),
  });
  device.notify(0);
  while (device.step() === 'progressed');
  t.same(
    driver.reapUsed().map(({ id }) => id),
    [heads[1], heads[0], heads[2]],
  );
  t.same(
    seen.filter((line) => line.startsWith('used') || line.startsWith('fetched') || line.startsWith('using')),
    ['using 2 at 0', 'used 2 at 1', 'using 0 at 1', 'used 0 at 2', 'fetched 4', 'using 4 at 2', 'used 4 at 3'],
  );
  t.equal(seen.filter((line) => line.endsWith('+513')).length, 3);
  t.ok(['device 4+8', 'device 12+8', 'device 2+2'].every((write) => seen.includes(`wrote ${write}`)));
});
