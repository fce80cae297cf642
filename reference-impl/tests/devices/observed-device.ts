import { BlockDevice } from '../../devices/block-device.ts';
import {
  encodeBlockHeader,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_WRITE_ZEROES,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from '../../devices/block-layout.ts';
import type { DeviceRules } from '../../devices/device-rules.ts';
import { NetDevice } from '../../devices/net-device.ts';
import {
  MAC_SIZE,
  netConfig,
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_CTRL_MQ,
  VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_MRG_RXBUF,
} from '../../devices/net-layout.ts';
import { changes, changesOutside, snapshot } from '../../memory/snapshot.ts';
import type { Span } from '../../memory/span.ts';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import { areaAddresses, splitPosition } from '../../virtqueue/ring.ts';
import { readable, type Segment, writable } from '../../virtqueue/segment.ts';
import { SplitDriver } from '../../virtqueue/split/driver-ring.ts';
import { observeCoalescing } from './observed-coalescing.ts';
import { observeFilter } from './observed-filter.ts';
import { observeSteering } from './observed-steering.ts';
import { type Note, place, smallGuest } from './observing.ts';
import { type Harness, harness } from './queue-harness.ts';

/** Everything that the driver side of a device can see of it in a fixed script, a line for each thing seen. */
export function observe(rules: DeviceRules): string[] {
  const seen: string[] = [];
  const note = (what: string, value: unknown): void => {
    seen.push(`${what}: ${JSON.stringify(value)}`);
  };
  for (const eventIdx of [false, true])
    observeBlock(rules, eventIdx, (what, value) => note(`${eventIdx} ${what}`, value));
  observeMalformed(rules, note);
  observeStates(rules, note);
  observeTurns(rules, note);
  observeNet(rules, note);
  observeControl(rules, note);
  observeFilter(rules, note);
  observeSteering(rules, note);
  observeCoalescing(rules, note);
  return seen;
}

/** The default layout on a small scale: the whole of it is compared after each request. */
const header = (type: number, sector = 0n): Uint8Array => encodeBlockHeader({ type, sector });

function observeBlock(rules: DeviceRules, eventIdx: boolean, note: Note): void {
  const device = new BlockDevice({ queues: 2, sectors: 64, transport: rules.transport, rules: rules.block });
  note('block offers', device.supportedFeatures.toString(16));
  const features = VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | (eventIdx ? VIRTIO_F_EVENT_IDX : 0n);
  const statuses: number[] = [];
  let lookAtStatus = (): number => 0;
  const onStore = (): void => void statuses.push(lookAtStatus());
  const h = harness(device, { guest: smallGuest(), features, base: 65530, size: 8, onStore });
  const { ring, driver } = h.queue(0);
  const carryOut = (what: string, chain: readonly Segment[], indirect?: 'all' | number): void => {
    const head = driver.add(chain, indirect === undefined ? {} : { indirect });
    const before = snapshot(h.guest);
    h.queue(0).run();
    note(`${what} head ${head}`, driver.reapUsed());
    note('idx', [ring.usedIdx(), ring.usedFlags(), ring.availEvent(), ...h.calls, h.errors.length, h.written.length]);
    note(
      'written',
      changes(before).map(({ region, offset, length }) => [region, offset, length]),
    );
    const allowed = chain.filter(({ writable }) => writable).map((of) => h.guest.spanAt(of.guestAddress, of.length));
    note('outside', changesOutside(changes(before), [...allowed, ring.used, ring.avail]).length);
  };
  const status = h.guest.allocate({ size: 1 });
  lookAtStatus = () => status.load()[0] ?? 0;
  const data = Uint8Array.from({ length: 1024 }, (_, n) => (n & 0x7f) + 1);
  const sent = new Uint8Array(16 + 1024);
  sent.set(header(VIRTIO_BLK_T_OUT, 3n));
  sent.set(data, 16);
  status.fill(0xee);
  carryOut('write', [...place(h, sent, 16, 1024).map(readable), writable(status)]);
  const parts = place(h, sent, 9, 7, 1, 1023);
  carryOut('write in parts', [...parts.map(readable), writable(status)], 'all');
  const elsewhere = new Uint8Array(16 + 512).fill(0x33);
  elsewhere.set(header(VIRTIO_BLK_T_OUT, 10n));
  carryOut('write elsewhere', [...place(h, elsewhere, 528).map(readable), writable(status)]);
  const into = h.guest.allocate({ size: 1024 });
  into.fill(0xee);
  const [request] = place(h, header(VIRTIO_BLK_T_IN, 3n), 16) as [Span];
  carryOut('read', [readable(request), writable(into), writable(status)]);
  note('data', [...into.load().subarray(0, 520)]);
  carryOut('read after direct descriptors', [readable(request), writable(into), writable(status)], 1);
  const [long] = place(h, header(VIRTIO_BLK_T_IN, 63n), 16) as [Span];
  carryOut('read past the end', [readable(long), writable(into), writable(status)]);
  note('status', status.load()[0]);
  const [short] = place(h, header(VIRTIO_BLK_T_IN, 0n), 16) as [Span];
  carryOut('read of 100 bytes', [readable(short), writable(into.slice(0, 100)), writable(status)]);
  const [unknown] = place(h, header(77), 16) as [Span];
  carryOut('unknown', [readable(unknown), writable(status)]);
  note('status', status.load()[0]);
  const [flush] = place(h, header(4), 16) as [Span];
  carryOut('flush', [readable(flush), writable(status)]);
  note('status', status.load()[0]);
  const [identity] = place(h, header(VIRTIO_BLK_T_GET_ID), 16) as [Span];
  carryOut('id', [readable(identity), writable(into.slice(0, 30)), writable(status)]);
  note('id', [...into.load().subarray(0, 32)]);
  for (const wanted of [false, true]) {
    if (wanted) driver.enableCalls(2);
    else driver.disableCalls();
    for (let n = 0; n < 4; n++) carryOut(`wants calls ${wanted} ${n}`, [readable(flush), writable(status)]);
  }
  ring.setAvailFlags(eventIdx ? 1 : 0);
  ring.setUsedEvent(eventIdx ? ring.usedIdx() : ring.usedIdx() + 100);
  carryOut('the other suppression is ignored', [readable(flush), writable(status)]);
  for (let n = 0; n < 4; n++) device.notify(0);
  h.drain();
  note('spurious kicks', [ring.usedIdx(), h.errors]);
  for (let n = 0; n < 3; n++) driver.add([readable(request), writable(into), writable(status)]);
  driver.publish();
  device.notify(0);
  device.step();
  note('awake', [ring.usedFlags(), ring.availEvent()]);
  h.drain();
  note('a batch', [driver.reapUsed(), h.calls]);
  note('config', [...(device.readConfig(0, device.configSize) ?? [])]);
  note('status behind each store to a ring', statuses);
  observeRanges(rules, note);
  note('base', device.stopQueue(0));
}

function observeRanges(rules: DeviceRules, note: Note): void {
  const device = new BlockDevice({ sectors: 8, transport: rules.transport, rules: rules.block });
  const features = VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES | VIRTIO_BLK_F_CONFIG_WCE;
  const h = harness(device, { guest: smallGuest(), features, size: 8 });
  const { driver } = h.queue(0);
  const status = h.guest.allocate({ size: 1 });
  for (const type of [VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES]) {
    for (const flags of [0, 1, 2]) {
      device.disk.fill(0x77);
      const request = h.guest.allocate({ size: 32 });
      request.fill(0);
      request.store(header(type));
      request.store(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, flags), 16);
      driver.add([readable(request), writable(status)]);
      h.queue(0).run();
      note(`range ${type} ${flags}`, [driver.reapUsed(), status.load()[0], device.disk[1023], device.disk[1024]]);
    }
  }
  device.disk.fill(0x77);
  const past = h.guest.allocate({ size: 48 });
  past.fill(0);
  past.store(header(VIRTIO_BLK_T_WRITE_ZEROES));
  past.store(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 1), 16);
  past.store(Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0, 2), 32);
  for (const length of [32, 48]) {
    driver.add([readable(past.slice(0, length)), writable(status)]);
    h.queue(0).run();
    note(`range past the end ${length}`, [status.load()[0], device.disk[512], device.disk[1024]]);
  }
  note('writeback', device.readConfig(32, 1)?.[0]);
}

function observeMalformed(rules: DeviceRules, note: Note): void {
  const next = 1;
  const write = 2;
  const indirect = 4;
  const scripts: ((h: Harness, buffer: Span) => void)[] = [
    ({ queue }) => queue(0).driver.addHead(9),
    ({ queue }, { guestAddress }) => {
      queue(0).ring.writeDescriptor(0, { addr: guestAddress, len: 16, flags: next, next: 200 });
    },
    ({ queue }, { guestAddress }) => {
      queue(0).ring.writeDescriptor(0, { addr: guestAddress, len: 16, flags: next, next: 0 });
    },
    ({ queue }) => queue(0).ring.writeDescriptor(0, { addr: 7n << 60n, len: 16, flags: write }),
    ({ queue }, { guestAddress }) => {
      queue(0).ring.writeDescriptor(0, { addr: guestAddress, len: 16, flags: next | write, next: 1 });
      queue(0).ring.writeDescriptor(1, { addr: guestAddress, len: 16, flags: 0 });
    },
    ({ queue }, { guestAddress }) => {
      queue(0).ring.writeDescriptor(0, { addr: guestAddress, len: 16, flags: indirect });
    },
    ({ queue }, { guestAddress }) => {
      queue(0).ring.writeDescriptor(0, { addr: guestAddress, len: 24, flags: indirect });
    },
    ({ queue }) => queue(0).ring.setAvailIdx(100),
    ({ queue }, { guestAddress }) => {
      queue(0).ring.writeDescriptor(0, { addr: guestAddress, len: 0, flags: next, next: 1 });
      queue(0).ring.writeDescriptor(1, { addr: guestAddress, len: 1, flags: write });
    },
  ];
  for (const negotiated of [0n, VIRTIO_F_INDIRECT_DESC]) {
    for (const [n, script] of scripts.entries()) {
      const device = new BlockDevice({ sectors: 8, transport: rules.transport, rules: rules.block });
      const h = harness(device, { guest: smallGuest(), features: VIRTIO_F_VERSION_1 | negotiated, size: 8 });
      const buffer = h.guest.allocate({ size: 64 });
      buffer.fill(0);
      script(h, buffer);
      if (n > 0 && n !== 7) h.queue(0).driver.addHead(0);
      if (n !== 7) h.queue(0).driver.publish();
      device.notify(0);
      for (let step = 0; step < 20; step++) device.step();
      const { ring } = h.queue(0);
      note(`malformed ${n}`, [h.errors, ring.usedIdx(), ring.usedElement(0), [...buffer.load().subarray(0, 20)]]);
    }
  }
}

function observeStates(rules: DeviceRules, note: Note): void {
  const device = new BlockDevice({ sectors: 8, transport: rules.transport, rules: rules.block });
  const h = harness(device, { guest: smallGuest(), size: 8 });
  const { ring, driver } = h.queue(0);
  const request = h.guest.allocate({ size: 16 + 512 });
  request.fill(0);
  request.store(header(VIRTIO_BLK_T_OUT));
  const status = h.guest.allocate({ size: 1 });
  const add = (): void => {
    driver.add([readable(request), writable(status)]);
    driver.publish();
  };
  add();
  h.drain();
  note('before the kick', ring.usedIdx());
  device.setQueueEnabled(0, false);
  device.notify(0);
  h.drain();
  note('disabled', ring.usedIdx());
  device.setQueueEnabled(0, true);
  h.drain();
  note('enabled', [ring.usedIdx(), status.load()[0]]);
  note('base', device.stopQueue(0));
  add();
  device.notify(0);
  h.drain();
  note('stopped', ring.usedIdx());
  // As after a back-end that took two chains and did not use them.
  ring.reset(splitPosition(9));
  ring.setUsedIdx(7);
  const areas = areaAddresses(ring, 'user');
  const { position } = ring;
  device.startQueue(0, { size: 8, areas, ringSpace: 'user', bufferSpace: 'guest-physical', position });
  const again = new SplitDriver(ring, { position: splitPosition(9, 7) });
  again.add([readable(request), writable(status)]);
  again.publish();
  device.notify(0);
  h.drain();
  note('second life', [ring.usedIdx(), ring.usedElement(7), ...h.calls]);
  note('second base', device.stopQueue(0));
}

function observeTurns(rules: DeviceRules, note: Note): void {
  const device = new BlockDevice({ sectors: 8, queues: 2, transport: rules.transport, rules: rules.block });
  const h = harness(device, { guest: smallGuest(), size: 8 });
  const status = h.guest.allocate({ size: 1 });
  const [flush] = place(h, header(VIRTIO_BLK_T_FLUSH), 16) as [Span];
  const queues = [0, 1].map((index) => h.queue(index));
  for (const { driver } of queues) {
    for (let n = 0; n < 3; n++) driver.add([readable(flush), writable(status)]);
    driver.publish();
  }
  for (const index of queues.keys()) device.notify(index);
  const turns = Array.from({ length: 6 }, () => {
    device.step();
    return queues.map(({ ring }) => ring.usedIdx());
  });
  note('turns', turns);
}

function observeNet(rules: DeviceRules, note: Note): void {
  for (const features of [VIRTIO_F_VERSION_1, VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF]) {
    const device = new NetDevice({ pairs: 2, transport: rules.transport, rules: rules.net });
    note('net offers', device.supportedFeatures.toString(16));
    const seen: number[] = [];
    let lookAtBuffer = (): number => 0;
    const onStore = (): void => void seen.push(lookAtBuffer());
    const h = harness(device, { guest: smallGuest(), features, size: 8, onStore });
    const buffers = [0, 1, 2, 3].map(() => h.guest.allocate({ size: 80 }));
    lookAtBuffer = () => buffers[0]?.load()[30] ?? 0;
    const frame = h.guest.allocate({ size: 12 + 100 });
    frame.store(Uint8Array.from({ length: 112 }, (_, n) => (n < 12 ? 0 : n)));
    const send = (length: number): void => {
      h.queue(1).driver.add([readable(frame.slice(0, length))]);
      h.queue(1).run();
      note(`sent ${length}`, [h.queue(1).driver.reapUsed(), h.calls]);
    };
    const look = (what: string): void => {
      note(
        what,
        h.queues.map(({ driver }) => driver.reapUsed()),
      );
      note(
        'buffers',
        buffers.map((buffer) => [...buffer.load()]),
      );
    };
    send(40);
    for (const buffer of buffers) {
      buffer.fill(0xee);
      h.queue(0).driver.add([writable(buffer)]);
      h.queue(2).driver.add([writable(h.guest.allocate({ size: 80 }))]);
    }
    h.queue(0).run();
    h.queue(2).run();
    look('waited');
    send(112);
    send(60);
    send(5);
    look('sent');
    device.setQueueEnabled(1, false);
    send(60);
    device.setQueueEnabled(1, true);
    look('transmit disabled');
    device.setQueueEnabled(0, false);
    send(61);
    device.setQueueEnabled(0, true);
    look('receive disabled');
    for (let n = 0; n < 5; n++) send(60);
    for (const buffer of buffers) h.queue(0).driver.add([writable(buffer)]);
    h.queue(0).run();
    look('frames that waited for a buffer');
    device.announce(Uint8Array.of(1, 2, 3, 4, 5, 6));
    for (const buffer of buffers) h.queue(0).driver.add([writable(buffer)]);
    h.queue(0).run();
    look('announced');
    note('a byte of the first buffer behind each store to a ring', seen);
    note('config', [...(device.readConfig(0, 12) ?? [])]);
  }
}

/** Commands of the control queue: an address, and one of another class. */
function observeControl(rules: DeviceRules, note: Note): void {
  const device = new NetDevice({ hasControlQueue: true, transport: rules.transport, rules: rules.net });
  const features = VIRTIO_F_VERSION_1 | VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_MAC_ADDR;
  const h = harness(device, { guest: smallGuest(), features, size: 8 });
  const { driver, run } = h.queue(2);
  for (const command of [
    [VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 2, 4, 6, 8, 10, 12],
    [VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 1, 0],
  ]) {
    const [written] = place(h, Uint8Array.from(command), command.length);
    const answer = h.guest.allocate({ size: 1 });
    answer.store(Uint8Array.of(0xff));
    driver.add([...(written === undefined ? [] : [readable(written)]), writable(answer)]);
    run();
    note(`command ${command.join(' ')}`, [driver.reapUsed(), ...answer.load()]);
    note('mac', [...(device.readConfig(netConfig.mac, MAC_SIZE) ?? [])]);
  }
}
