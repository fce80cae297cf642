import t from 'tap';
import { BlockDevice } from '../devices/block-device.ts';
import { NetDevice } from '../devices/net-device.ts';
import type { ParentDriver } from '../devices/parent-driver.ts';
import { plainGuest } from '../memory/guest.ts';
import { MdevDevice } from '../vhost-mdev/mdev-device.ts';
import { type MdevMode, mdevRuleTables } from '../vhost-mdev/mdev-rule-tables.ts';
import { errno } from '../wire/errno.ts';
import { decodeStructure, encodeStructure } from '../wire/structure.ts';
import { VFIO_REGION_SPAN, vfioDeviceInfo, vfioDmaMap, vfioRequests } from '../wire/vfio-structures.ts';
import {
  address,
  eventData,
  irqInfo,
  mdevUser,
  none,
  opened,
  regionInfo,
  state,
  TestEdge,
  u32,
  u64,
} from './vhost-mdev/mdev-harness.ts';

const modes: readonly MdevMode[] = ['l1', 'l2-strict', 'l2-faithful'];
const modesL2 = ['l2-strict', 'l2-faithful'] as const;
const page = 4096;

/** A parent that remembers which queues were notified. */
function notified(parent: ParentDriver): number[] {
  const queues: number[] = [];
  parent.notify = (queue) => {
    queues.push(queue);
  };
  return queues;
}

t.test('device info', async (t) => {
  const wanted = {
    l1: { flags: 0x3, numRegions: 9, numIrqs: 5 },
    'l2-strict': { flags: 0x41, numRegions: 2, numIrqs: 1 },
    'l2-faithful': { flags: 0x3b6f, numRegions: 2, numIrqs: 1 },
  } as const;
  for (const mode of modes) {
    const { file } = mdevUser(mode);
    const argument = encodeStructure(vfioDeviceInfo, { argsz: 16, flags: 0, numRegions: 0, numIrqs: 0 });
    t.equal(file.ioctl(vfioRequests.VFIO_DEVICE_GET_INFO, argument), 0);
    t.strictSame(decodeStructure(vfioDeviceInfo, argument), { argsz: 16, ...wanted[mode] }, mode);
    const short = encodeStructure(vfioDeviceInfo, { argsz: 15, flags: 0, numRegions: 0, numIrqs: 0 });
    t.equal(file.ioctl(vfioRequests.VFIO_DEVICE_GET_INFO, short), -errno.EINVAL, 'argsz too small');
    t.equal(file.ioctl(vfioRequests.VFIO_DEVICE_GET_INFO, argument.subarray(0, 15)), -errno.EFAULT);
    t.equal(file.ioctl(vfioRequests.VFIO_IOMMU_MAP_DMA, argument), -errno.ENOTTY, 'an unknown call');
  }
});

t.test('regions of layout L2', async (t) => {
  for (const mode of modesL2) {
    const { file } = mdevUser(mode, { parent: new BlockDevice({ queues: 3 }) });
    t.strictSame(regionInfo(file, 0), { argsz: 32, flags: 3, index: 0, capOffset: 0, size: 0x100_0000n, offset: 0n });
    const notify = { argsz: 32, flags: 7, index: 1, capOffset: 0, size: 3n * 4096n, offset: 0x100_0000_0000n };
    t.strictSame(regionInfo(file, 1), notify);
    for (const index of [2, 3, 0xffff_ffff]) t.equal(regionInfo(file, index), -errno.EINVAL);
    t.equal(regionInfo(file, 0, 31), -errno.EINVAL, 'argsz too small');
    for (const position of [2 * VFIO_REGION_SPAN, 3 * VFIO_REGION_SPAN + 5]) {
      t.equal(file.pread(position, 24, new Uint8Array(24)), 0, 'accesses to other indices are of 0 bytes');
      t.equal(file.pwrite(position, 24, new Uint8Array(24)), 0);
    }
    t.equal(file.pread(VFIO_REGION_SPAN, 4, new Uint8Array(4)), 0, 'NOTIFY reads as nothing');
  }
});

t.test('regions of layout L1', async (t) => {
  const { file } = mdevUser('l1', { parent: new BlockDevice({ queues: 3 }) });
  const sizes = [4096n, 3n * 4096n, 4096n, 0n, 0n, 0n, 0n, 256n, 0n];
  const flags = [3, 7, 3, 0, 0, 0, 0, 3, 0];
  for (const [index, size] of sizes.entries()) {
    const offset = BigInt(index) << 40n;
    t.strictSame(regionInfo(file, index), { argsz: 32, flags: flags[index], index, capOffset: 0, size, offset });
  }
  t.equal(regionInfo(file, 9), -errno.EINVAL);
  t.equal(file.pread(3 * VFIO_REGION_SPAN, 4, new Uint8Array(4)), 0);
});

t.test('configuration space of layout L1', async (t) => {
  for (const [parent, subsystem, classCode] of [
    [new NetDevice(), 1, 0x0200],
    [new BlockDevice(), 2, 0x0180],
  ] as const) {
    const { file, device } = mdevUser('l1', { parent });
    const at = 7 * VFIO_REGION_SPAN;
    const read = (offset: number, count: number): number[] => {
      const target = new Uint8Array(count);
      t.equal(file.pread(at + offset, count, target), Math.min(count, 256 - offset));
      return [...target];
    };
    const word = (offset: number): number => new DataView(Uint8Array.from(read(offset, 4)).buffer).getUint32(0, true);
    const put = (offset: number, value: number) => file.pwrite(at + offset, 4, u32(value));
    t.equal(word(0), 0x10f0_1af4);
    t.equal(word(0x08) >>> 16, classCode);
    t.equal(word(0x2c), (subsystem << 16) | 0x1af4);
    t.equal(word(0x34) & 0xff, 0x40, 'one capability');
    t.equal(word(0x40), 0x11 | ((parent.queueCount - 1) << 16), 'MSI-X, a vector for each ring');
    t.equal(word(0x44), 2, 'its table in BAR2');
    t.equal(word(0x48), (16 * parent.queueCount) | 2);
    t.equal(put(0x10, 0xffff_ffff), 4);
    t.equal(word(0x10), 0xffff_f000, 'BAR0 tells its size');
    put(0x10, 0xfe00_0123);
    t.equal(word(0x10), 0xfe00_0000);
    put(0x00, 0);
    t.equal(word(0), 0x10f0_1af4, 'what identifies it cannot be written');
    put(0x04, 0x0000_0406);
    t.equal(word(0x04), 0x0010_0406);
    t.equal(read(254, 8).length, 8, 'an access ends with the space');
    t.equal(file.pread(at + 256, 4, new Uint8Array(4)), -errno.EINVAL);
    t.equal(file.pread(at, 4, new Uint8Array(3)), -errno.EFAULT);
    t.equal(device.resetCall(), 0);
    t.equal(word(0x10), 0, 'reset puts it back');
    const table = 2 * VFIO_REGION_SPAN;
    t.equal(file.pwrite(table + 16, 4, u32(0x1234)), 4);
    const entry = new Uint8Array(4);
    t.equal(file.pread(table + 16, 4, entry), 4);
    t.same([...entry], [0x34, 0x12, 0, 0], 'the MSI-X table keeps what is written');
  }
});

t.test('notify by write', async (t) => {
  for (const mode of modes) {
    const isFaithful = mode === 'l2-faithful';
    const parent = new BlockDevice({ queues: 2 });
    const queues = notified(parent);
    const { file, notify } = mdevUser(mode, { parent });
    const at = VFIO_REGION_SPAN;
    t.equal(notify(1), 4);
    t.equal(notify(1, 0), 4, 'the queue is the number in the data, not the place');
    t.equal(notify(0, page + 12), 4);
    t.same(queues.splice(0), [1, 1, 0], mode);
    for (const count of [0, 1, 3]) {
      t.equal(file.pwrite(at, count, u32(1).subarray(0, count)), -errno.EINVAL, `${count} bytes`);
    }
    t.equal(file.pwrite(at, 4, u32(1).subarray(0, 3)), -errno.EFAULT, 'data that cannot be read');
    t.equal(file.pwrite(at, 8, Uint8Array.of(1, 0, 0, 0, 9, 9, 9, 9)), 8, 'more bytes are not looked at');
    t.same(queues.splice(0), [1]);
    for (const queue of [2, 0x1_0001, 0xffff_ffff]) {
      t.equal(file.pwrite(at, 4, u32(queue)), isFaithful ? 4 : -errno.EINVAL, `queue ${queue}`);
    }
    t.same(queues.splice(0), isFaithful ? [2, 0x1_0001, 0xffff_ffff] : [], 'no range check, as coded');
    t.equal(file.pwrite(at + 2 * page, 4, u32(0)), isFaithful ? 4 : -errno.EINVAL, 'behind the region');
  }
});

t.test('notify by mmap', async (t) => {
  for (const mode of modes) {
    const user = mdevUser(mode);
    const { file, parent } = user;
    const at = VFIO_REGION_SPAN;
    const map = (offset: number, length = page) => file.map(at + offset, length);
    t.equal(map(0, 2 * page), -errno.EINVAL, 'more than a page');
    t.equal(map(2 * page), -errno.EINVAL, 'behind the last queue');
    t.equal(file.map(0, page), -errno.EINVAL, 'the region of messages');
    const mapped = map(page);
    t.ok(mapped instanceof Uint8Array && mapped.length === page, 'the page of queue 1');
    const queues = notified(parent);
    user.send('VHOST_DEVICE_SET_STATE', u64(1n));
    user.device.step();
    t.same(queues, [], 'a page by itself notifies no queue');
    if (mapped instanceof Uint8Array) new DataView(mapped.buffer).setUint16(0, 1, true);
    user.device.step();
    user.device.step();
    t.same(queues, [1], 'a store is one notification');
  }
});

t.test('interrupt info', async (t) => {
  const told = { desc: 0n, used: 0n, avail: 0n };
  for (const mode of modesL2) {
    const user = mdevUser(mode, { parent: new BlockDevice({ queues: 3 }) });
    const all = { argsz: 16, flags: 1, index: 0, count: 3 };
    t.strictSame(irqInfo(user.file, 0), all, 'before an address is told');
    user.send('VHOST_SET_VRING_ADDR', address(1, told));
    t.strictSame(irqInfo(user.file, 0), all);
    for (const index of [1, 2, 3]) t.equal(irqInfo(user.file, index), -errno.EINVAL, `index ${index}`);
    t.equal(irqInfo(user.file, 0, 15), -errno.EINVAL, 'argsz too small');
  }
  const { file } = mdevUser('l1');
  for (const [index, count] of [0, 0, 2, 0, 0].entries()) t.match(irqInfo(file, index), { index, count, flags: 1 });
  t.equal(irqInfo(file, 5), -errno.EINVAL);
});

t.test('setting interrupts', async (t) => {
  for (const mode of modes) {
    const user = mdevUser(mode, { parent: new BlockDevice({ queues: 3 }) });
    const isFaithful = mode === 'l2-faithful';
    const { device, edge, setIrqs, arm } = user;
    const armed = () => device.interrupts.armedVectors;
    t.equal(arm(1, 11), 0);
    t.same(armed(), [1], mode);
    t.equal(setIrqs({ flags: 0x24, count: 3 }, eventData(20, -1, 22)), 0, 'several at once, -1 for none');
    t.same(armed(), [0, 2]);
    t.same([...edge.held.values()], [20, 22], 'what was replaced is given back');
    t.equal(setIrqs({ flags: 0x24, start: 1, count: 2 }, eventData(12, 5)), -errno.EINVAL, 'no event descriptor');
    t.same([...edge.held.values()], [20, 22], 'then none is changed');
    const refused = [
      ['start behind the vectors', { flags: 0x24, start: 3, count: 1 }, eventData(11)],
      ['more than there are', { flags: 0x24, start: 1, count: 3 }, eventData(11, 12, 13)],
      ['count that wraps', { flags: 0x21, start: 1, count: 0xffff_ffff }, none],
      ['unknown flags', { flags: 0x64, count: 1 }, eventData(11)],
      ['no type of data', { flags: 0x20, count: 1 }, none],
      ['two types of data', { flags: 0x26, count: 1 }, eventData(11)],
      ['argsz short of the data', { flags: 0x24, count: 1, argsz: 23 }, eventData(11)],
      ['argsz short of the structure', { flags: 0x21, count: 1, argsz: 19 }, none],
      ['another index', { flags: 0x24, index: 1, count: 1 }, eventData(11)],
    ] as const;
    for (const [what, set, data] of refused) t.equal(setIrqs(set, data), -errno.EINVAL, what);
    t.equal(setIrqs({ flags: 0x24, count: 2, argsz: 28 }, eventData(11)), -errno.EFAULT, 'data that is not there');
    t.same(armed(), [0, 2], 'none of them changed anything');
    t.equal(setIrqs({ flags: 0x21, count: 3 }), 0);
    t.same(armed(), isFaithful ? [] : [0, 2], 'without a descriptor: dropped as coded, or signalled');
    t.same([edge.count(20), edge.count(22)], isFaithful ? [0, 0] : [1, 1]);
    setIrqs({ flags: 0x24, count: 3 }, eventData(30, 31, 32));
    t.equal(setIrqs({ flags: 0x22, count: 2 }, Uint8Array.of(0, 1)), 0);
    t.same([edge.count(30), edge.count(31), edge.count(32)], isFaithful ? [0, 0, 0] : [0, 1, 0]);
    for (const flags of [0x0c, 0x14, 0x3c]) {
      t.equal(setIrqs({ flags, count: 1 }, eventData(40)), isFaithful ? 0 : -errno.EINVAL, `action ${flags}`);
    }
    setIrqs({ flags: 0x24, count: 3 }, eventData(30, 31, 32));
    t.equal(setIrqs({ flags: 0x21, start: 1, count: 0 }), 0);
    t.same(armed(), isFaithful ? [0, 1, 2] : [0], 'count 0 drops, or has no effect as coded');
    t.equal(setIrqs({ flags: 0x21, count: 0 }), 0);
    t.same(armed(), isFaithful ? [0, 1, 2] : []);
  }
});

t.test('open, close and reset', async (t) => {
  for (const mode of modes) {
    const isFaithful = mode === 'l2-faithful';
    const { device, file, send, arm, map, guest } = mdevUser(mode);
    const second = device.open();
    t.equal(typeof second === 'number' ? second : 0, isFaithful ? 0 : -errno.EBUSY, `${mode}: a second open`);
    if (typeof second !== 'number') second.close();
    map();
    const make = () => {
      send('VHOST_SET_LOG_BASE', u64(9n));
      send('VHOST_SET_VRING_BASE', state(0, 3));
      send('VHOST_GET_FEATURES');
      arm(0, 11);
      send('VHOST_DEVICE_SET_STATE', u64(1n));
    };
    const left = (of = device) => [of.isRunning, of.logBase, of.rings.records[0]?.base, of.channel.isAnswerWaiting];
    const asMade = [false, 0n, 0, false];
    const asTold = [true, 9n, 3, true];
    make();
    t.strictSame(left(), asTold);
    t.equal(file.ioctl(vfioRequests.VFIO_DEVICE_RESET, none), 0);
    t.strictSame(left(), isFaithful ? asTold : asMade, 'reset does nothing as coded');
    t.same(device.interrupts.armedVectors, [0], 'event descriptors stay');
    t.equal(device.container.mappings.length, guest.regions.length, 'and so does what the container maps');
    make();
    file.close();
    t.strictSame(left(), isFaithful ? asTold : asMade, 'as does close');
    t.same(device.interrupts.armedVectors, isFaithful ? [0] : []);
    const again = opened(device);
    t.equal(again.ioctl(vfioRequests.VFIO_DEVICE_RESET, none), 0, 'it can be opened again');
  }
});

t.test('mapping memory into the container', async (t) => {
  const guest = plainGuest();
  const device = new MdevDevice(new BlockDevice(), new TestEdge(guest), mdevRuleTables['l2-strict']);
  const { container } = device;
  const [first, second] = guest.regions;
  if (first === undefined || second === undefined) throw new Error('the default layout has two regions');
  const map = (change: Partial<Parameters<typeof vfioDmaMap.encode>[0]> = {}) =>
    container.ioctl(
      vfioRequests.VFIO_IOMMU_MAP_DMA,
      encodeStructure(vfioDmaMap, {
        argsz: 32,
        flags: 3,
        userAddress: first.userAddress,
        ioVirtualAddress: 0x1_0000n,
        size: 0x4000n,
        ...change,
      }),
    );
  t.equal(map({ argsz: 31 }), -errno.EINVAL);
  t.equal(map({ flags: 0 }), -errno.EINVAL, 'no permission at all');
  t.equal(map({ flags: 8 | 3 }), -errno.EINVAL, 'an unknown flag');
  t.equal(map({ size: 0n }), -errno.EINVAL);
  t.equal(map({ size: 0x4001n }), -errno.EINVAL);
  t.equal(map({ ioVirtualAddress: 0x1_0010n }), -errno.EINVAL);
  t.equal(map({ userAddress: first.userAddress + 1n }), -errno.EINVAL);
  t.equal(map({ ioVirtualAddress: 0xffff_ffff_ffff_f000n }), -errno.EINVAL, 'beyond the last address');
  t.equal(map({ userAddress: 0x1000n }), -errno.EFAULT, 'memory that is not there');
  t.equal(container.mappings.length, 0);
  t.equal(map(), 0);
  t.equal(map({ ioVirtualAddress: 0x1_3000n }), -errno.EEXIST, 'over another');
  t.equal(map({ ioVirtualAddress: 0x1_4000n, userAddress: second.userAddress, flags: 1 }), 0);
  t.equal(map({ ioVirtualAddress: 0xffff_ffff_ffff_c000n }), 0, 'up to the last address, the same memory again');
  first.bytes[5] = 77;
  const memory = container.memoryMap();
  for (const at of [0x1_0005n, 0xffff_ffff_ffff_c005n]) {
    const pieces = memory.translate('io-virtual', at, 1, 'write');
    t.equal(typeof pieces === 'string' ? pieces : pieces[0]?.bytes[pieces[0].offset], 77);
  }
  t.equal(memory.translate('io-virtual', 0x1_4000n, 1, 'write'), 'iotlb-denied', 'read only');
  t.equal(memory.translate('io-virtual', 0x1_8000n, 1), 'iotlb-miss');
  const unmap = (ioVirtualAddress: bigint, size: bigint) => {
    return unmapIn({ device, ioVirtualAddress, size });
  };
  t.same(unmap(0x1_1000n, 0x1000n), [-errno.EINVAL, 0x1000n], 'a part of a mapping');
  t.same(unmap(0x1_0000n, 0n), [-errno.EINVAL, 0n]);
  t.same(unmap(0x2_0000n, 0x1000n), [0, 0n], 'nothing is there: 0 bytes');
  t.same(unmap(0x0n, 0x10_0000n), [0, 0x8000n], 'all in a range');
  t.equal(container.mappings.length, 1);
  container.clear();
  t.equal(container.mappings.length, 0);
  t.equal(container.ioctl(0x3b70, none), -errno.ENOTTY);
});

function unmapIn(of: { device: MdevDevice; ioVirtualAddress: bigint; size: bigint }): [number, bigint] {
  const argument = new Uint8Array(24);
  const view = new DataView(argument.buffer);
  view.setUint32(0, 24, true);
  view.setBigUint64(8, of.ioVirtualAddress, true);
  view.setBigUint64(16, of.size, true);
  return [of.device.container.ioctl(vfioRequests.VFIO_IOMMU_UNMAP_DMA, argument), view.getBigUint64(16, true)];
}
