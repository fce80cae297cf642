import { BlockDevice } from '../../devices/block-device.ts';
import { encodeBlockHeader, VIRTIO_BLK_T_OUT } from '../../devices/block-layout.ts';
import { NetDevice } from '../../devices/net-device.ts';
import { plainGuest } from '../../memory/guest.ts';
import { defaultGuestLayout } from '../../memory/guest-layout.ts';
import type { MdevRules } from '../../vhost-mdev/mdev-rules.ts';
import { VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import { splitPosition } from '../../virtqueue/ring.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { VFIO_REGION_SPAN, vfioRequests } from '../../wire/vfio-structures.ts';
import {
  address,
  eventData,
  irqInfo,
  type MdevUser,
  mdevUser,
  memoryTable,
  none,
  regionInfo,
  shareMemory,
  state,
  u32,
  u64,
} from './mdev-harness.ts';

type Note = (what: string, value: unknown) => void;

const text = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value);

const smallGuest = () =>
  plainGuest({ name: 'small', regions: defaultGuestLayout.regions.map((region) => ({ ...region, size: 0x8000 })) });

/** Everything that a user can see of a device in a fixed script, a line for each thing seen. */
export function observeMdev(rules: MdevRules): string[] {
  const seen: string[] = [];
  const note: Note = (what, value) => {
    seen.push(`${what}: ${JSON.stringify(value, text)}`);
  };
  const make = (parent = new BlockDevice({ queues: 2, sectors: 64 })) =>
    mdevUser('l2-strict', { rules, parent, guest: smallGuest() });
  observeInfos(make(), note);
  observeMessages(make(), note);
  observeDoorbells(make(), note);
  observeInterrupts(make(), note);
  observeRings(make(), note);
  observeContainer(make(), note);
  observeLife(make(), note);
  observeFrames(mdevUser('l2-strict', { rules, parent: new NetDevice(), guest: smallGuest() }), note);
  return seen;
}

function observeInfos({ file }: MdevUser, note: Note): void {
  for (const argsz of [15, 16]) {
    const argument = new Uint8Array(16);
    argument[0] = argsz;
    note('device', [file.ioctl(vfioRequests.VFIO_DEVICE_GET_INFO, argument), [...argument]]);
  }
  for (let index = 0; index < 10; index++) note(`region ${index}`, regionInfo(file, index));
  for (let index = 0; index < 6; index++) note(`interrupt ${index}`, irqInfo(file, index));
  note('no call', file.ioctl(0x3b00, none));
  note('no argument', file.ioctl(vfioRequests.VFIO_DEVICE_GET_INFO, none));
  const page = file.map(0, 4096);
  note('no doorbells', [
    typeof page === 'number' ? page : page.length,
    file.pread(20 * VFIO_REGION_SPAN, 4, new Uint8Array(4)),
  ]);
  const space = new Uint8Array(256);
  const at = 7 * VFIO_REGION_SPAN;
  note('identity', [file.pread(at, 256, space), [...space]]);
  file.pwrite(at, 256, new Uint8Array(256).fill(0xff));
  note('written', [file.pread(at, 256, space), [...space]]);
  const byte = new Uint8Array(1);
  const entry = new Uint8Array(4);
  const table = 2 * VFIO_REGION_SPAN;
  note('table', [file.pwrite(table + 4, 4, Uint8Array.of(1, 2, 3, 4)), file.pread(table + 4, 4, entry), [...entry]]);
  note('a byte', [file.pread(at + 1, 1, byte), byte[0], file.pread(at + 250, 8, new Uint8Array(8))]);
  file.ioctl(vfioRequests.VFIO_DEVICE_RESET, none);
  note('restored', [file.pread(at, 256, space), [...space]]);
}

function observeMessages(user: MdevUser, note: Note): void {
  const { file, send, receive } = user;
  const records = () => user.device.rings.records.map(({ size, base, addresses }) => ({ size, base, addresses }));
  note('short read', file.pread(0, 24, new Uint8Array(24)));
  note('elsewhere', [file.pwrite(8, 24, new Uint8Array(24)), file.pread(8, 24, new Uint8Array(24))]);
  note('half a header', [file.pwrite(0, 8, new Uint8Array(8)), file.pwrite(0, 24, new Uint8Array(8))]);
  note('unknown', send(77n, u64(1n)));
  note('upper half', [send(0x1_0000_0000n | 0x8008_af00n), receive()]);
  note('flags', [send('VHOST_GET_FEATURES', none, { flags: 2 }), receive(), send('VHOST_GET_FEATURES'), receive()]);
  note('length', send('VHOST_SET_LOG_BASE', u64(1n), { size: 4 }));
  const table = memoryTable(user.guest);
  note('more than size', send('VHOST_SET_MEM_TABLE', Uint8Array.from([...table, ...u64(0n)]), { size: table.length }));
  const long = new Uint8Array(5000);
  long[0] = 100;
  note('too long', send('VHOST_SET_MEM_TABLE', long));
  note('more bytes than told', send('VHOST_SET_LOG_BASE', Uint8Array.from([...u64(6n), 0]), { size: 8 }));
  note('not acted on', user.device.logBase);
  note('payload', [send('VHOST_SET_LOG_BASE', u32(9)), user.device.logBase]);
  note('features', [send('VHOST_GET_FEATURES'), receive(), receive()]);
  send('VHOST_GET_FEATURES');
  note('wrong length', [receive(23).answered, receive(25).answered, receive().answered]);
  send('VHOST_GET_FEATURES');
  send('VHOST_GET_VRING_BASE', state(1, 0));
  note('two answers', [receive(), receive()]);
  send('VHOST_GET_FEATURES');
  send('VHOST_SET_OWNER');
  note('elsewhere', [file.pread(8, 24, new Uint8Array(24)), receive()]);
  note('features accepted', [send('VHOST_SET_FEATURES', u64(1n << 63n)), user.device.features, user.parent.features]);
  note('features accepted', [send('VHOST_SET_FEATURES', u64(1n << 32n)), user.device.features, user.parent.features]);
  note('refused behind', [send('VHOST_SET_FEATURES', u64(1n << 63n)), user.parent.features]);
  note('not offered by all', [send('VHOST_SET_FEATURES', u64(1n << 33n)), user.parent.features]);
  for (const num of [0, 3, 8, 0x1_0008]) note(`size ${num}`, [send('VHOST_SET_VRING_NUM', state(0, num)), records()]);
  for (const num of [7, 0x1_0007]) note(`base ${num}`, [send('VHOST_SET_VRING_BASE', state(0, num)), records()]);
  note('ring 2', [send('VHOST_SET_VRING_NUM', state(2, 8)), send('VHOST_GET_VRING_BASE', state(2, 0)), receive()]);
  note('table', send('VHOST_SET_MEM_TABLE', table));
  note('bad table', send('VHOST_SET_MEM_TABLE', u64(5n)));
  note(
    'state',
    [2n, 1n, 1n].map((value) => [send('VHOST_DEVICE_SET_STATE', u64(value)), user.device.isRunning]),
  );
  note('running', [
    send('VHOST_SET_FEATURES', u64(0n)),
    send('VHOST_SET_VRING_NUM', state(0, 16)),
    user.device.features,
    records(),
  ]);
}

function observeDoorbells(user: MdevUser, note: Note): void {
  const { file, parent } = user;
  const queues: number[] = [];
  parent.notify = (queue) => {
    queues.push(queue);
  };
  const at = VFIO_REGION_SPAN;
  const write = (offset: number, bytes: Uint8Array) => [
    file.pwrite(at + offset, bytes.length, bytes),
    queues.splice(0),
  ];
  note('doorbell', [
    write(0, u32(1)),
    write(4096, u32(0)),
    write(8192, u32(0)),
    write(0, u32(2)),
    write(0, u32(1).slice(1)),
  ]);
  note('reading', file.pread(at, 4, new Uint8Array(4)));
  const map = (offset: number, length: number) => {
    const page = file.map(at + offset, length);
    return typeof page === 'number' ? page : page.length;
  };
  note('mapping', [map(4096, 4096), map(0, 8192), map(8192, 4096)]);
  const page = file.map(at, 4096);
  if (typeof page === 'number') return;
  page.set([1, 0]);
  parent.step();
  note('stored', queues.splice(0));
}

function observeInterrupts(user: MdevUser, note: Note): void {
  const { device, edge, setIrqs, arm } = user;
  const seen = () => [device.interrupts.armedVectors, [...edge.held.values()], edge.count(20), edge.count(21)];
  note('armed', [arm(0, 20), arm(1, 21), seen()]);
  device.interrupts.call(0);
  note('called', seen());
  note('all now', [setIrqs({ flags: 0x21, count: 2 }), seen()]);
  note('one now', [setIrqs({ flags: 0x22, count: 2 }, Uint8Array.of(1, 0)), seen()]);
  note('again', [setIrqs({ flags: 0x24, count: 2 }, eventData(20, 21)), seen()]);
  note('mask', [setIrqs({ flags: 0x0c, count: 1 }, eventData(22)), seen()]);
  note('beyond', [setIrqs({ flags: 0x24, start: 2, count: 1 }, eventData(22)), seen()]);
  note('replaced', [arm(0, 23), arm(1, 24), seen()]);
  note('no event', [setIrqs({ flags: 0x24, count: 2 }, eventData(25, 3)), seen()]);
  note('dropped', [arm(0, -1), seen(), arm(0, 26), seen()]);
  note('count 0', [setIrqs({ flags: 0x21, start: 1, count: 0 }), seen(), setIrqs({ flags: 0x21, count: 0 }), seen()]);
}

function observeRings(user: MdevUser, note: Note): void {
  const { guest, edge, device, send } = user;
  send('VHOST_SET_FEATURES', u64(VIRTIO_F_VERSION_1));
  shareMemory(user);
  const ring = guest.ring({ layout: 'split', size: 8, position: splitPosition(5) });
  user.tell(0, ring, 5);
  user.arm(0, 20);
  const driver = user.driver(ring);
  const put = () => {
    const out = guest.allocate({ size: 528 });
    out.store(encodeBlockHeader({ type: VIRTIO_BLK_T_OUT, sector: 1n }));
    driver.add([readable(out), writable(guest.allocate({ size: 1 }))]);
    driver.publish();
  };
  const run = (running: bigint) => send('VHOST_DEVICE_SET_STATE', u64(running));
  const seen = () => {
    user.drain();
    return [driver.reapUsed(), edge.count(20), device.rings.records[0]?.base];
  };
  put();
  note('started', [run(1n), seen()]);
  if (user.rules.layout.memory === 'table') send('VHOST_SET_MEM_TABLE', memoryTable(guest));
  else mapOnce(user, 0x1000n, 3);
  put();
  note('notified', [user.notify(0), seen()]);
  note('base', [user.ask('VHOST_GET_VRING_BASE', state(0, 0))]);
  put();
  note('after base', [user.notify(0), seen()]);
  note('stopped', [run(0n), seen(), user.ask('VHOST_GET_VRING_BASE', state(0, 0))]);
  note('restarted', [run(1n), seen()]);
  run(0n);
  send('VHOST_SET_VRING_NUM', state(1, 8));
  send('VHOST_SET_VRING_ADDR', address(1, { desc: 0x10n, used: 0x20n, avail: 0x30n }));
  put();
  note('a bad ring', [run(1n), device.isRunning, user.notify(0), seen()]);
}

/** Maps the first two pages of the guest at an I/O-virtual address of its own. */
function mapOnce({ device, guest }: MdevUser, ioVirtualAddress: bigint, flags: number, argsz = 32): number {
  const argument = new DataView(new ArrayBuffer(32));
  argument.setUint32(0, argsz, true);
  argument.setUint32(4, flags, true);
  argument.setBigUint64(8, guest.regions[0]?.userAddress ?? 0n, true);
  argument.setBigUint64(16, ioVirtualAddress, true);
  argument.setBigUint64(24, 0x2000n, true);
  return device.container.ioctl(vfioRequests.VFIO_IOMMU_MAP_DMA, new Uint8Array(argument.buffer));
}

function observeContainer(user: MdevUser, note: Note): void {
  const { device } = user;
  const mappings = () => device.container.mappings.map(({ bytes, ...told }) => ({ ...told, length: bytes.length }));
  const map = (ioVirtualAddress: bigint, flags: number) => mapOnce(user, ioVirtualAddress, flags);
  note('no argument', device.container.ioctl(vfioRequests.VFIO_IOMMU_MAP_DMA, none));
  note('mapped by 31 bytes', mapOnce(user, 0x9000n, 3, 31));
  note('mapped', [map(0x1000n, 3), map(0x2000n, 3), map(0x8000n, 0), map(0x8001n, 3), mappings()]);
  note('unmapped', [user.unmap(0x1000n, 0x1000n), user.unmap(0x1000n, 0x3000n), mappings()]);
}

function observeLife(user: MdevUser, note: Note): void {
  const { device, file, send, arm } = user;
  const space = new Uint8Array(64);
  const at = 7 * VFIO_REGION_SPAN;
  const seen = () => {
    const { isRunning, logBase, features, interrupts, channel } = device;
    const sizes = device.rings.records.map(({ size }) => size);
    return [
      isRunning,
      logBase,
      features,
      interrupts.armedVectors,
      channel.isAnswerWaiting,
      sizes,
      file.pread(at, 64, space),
      space[4],
    ];
  };
  const run = () => send('VHOST_DEVICE_SET_STATE', u64(1n));
  const make = () => {
    arm(0, 20);
    send('VHOST_SET_LOG_BASE', u64(5n));
    send('VHOST_SET_FEATURES', u64(VIRTIO_F_VERSION_1));
    file.pwrite(at + 4, 1, Uint8Array.of(6));
    shareMemory(user);
    user.tell(0, user.guest.ring({ layout: 'split', size: 4 }));
    run();
    send('VHOST_GET_FEATURES');
  };
  note('opened', seen());
  make();
  note('made', seen());
  const second = device.open();
  note('second open', [typeof second === 'number' ? second : 'opened', seen()]);
  note('reset', [file.ioctl(vfioRequests.VFIO_DEVICE_RESET, none), seen()]);
  device.container.clear();
  user.tell(0, user.guest.ring({ layout: 'split', size: 4 }));
  note('without memory', run());
  make();
  file.close();
  if (typeof second !== 'number') second.close();
  note('closed', seen());
}

function observeFrames(user: MdevUser, note: Note): void {
  user.send('VHOST_SET_FEATURES', u64(VIRTIO_F_VERSION_1));
  shareMemory(user);
  const [receive, transmit] = [0, 1].map((index) => {
    const ring = user.guest.ring({ layout: 'split', size: 4 });
    user.tell(index, ring);
    return user.driver(ring);
  });
  user.send('VHOST_DEVICE_SET_STATE', u64(1n));
  transmit?.add([readable(user.guest.allocate({ size: 72 }))]);
  transmit?.publish();
  user.notify(1);
  user.drain();
  user.send('VHOST_DEVICE_SET_STATE', u64(0n));
  user.send('VHOST_DEVICE_SET_STATE', u64(1n));
  receive?.add([writable(user.guest.allocate({ size: 2048 }))]);
  receive?.publish();
  user.notify(0);
  user.drain();
  note('frames', [transmit?.reapUsed(), receive?.reapUsed()]);
}
