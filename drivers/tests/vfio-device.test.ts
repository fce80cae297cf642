import assert from 'node:assert/strict';
import t, { type Test } from 'tap';
import { BlockDevice } from '../../reference-impl/devices/block-device.ts';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { type MdevMode, mdevRuleTables } from '../../reference-impl/vhost-mdev/mdev-rule-tables.ts';
import { closeFd, eventfdCreate, eventfdRead, monotonicUs, openFile } from '../native/native.ts';
import { inProcessMdev } from '../vfio/in-process-mdev.ts';
import { OpenVfioDevice } from '../vfio/vfio-device.ts';

const EFAULT = 14;
const EINVAL = 22;
const EBADF = 9;

function opened(t: Test, mode: MdevMode) {
  const carrier = inProcessMdev(() => new BlockDevice({ queues: 2 }), mdevRuleTables[mode]);
  const answer = carrier.open();
  assert.ok(answer.kind === 'opened');
  const device = new OpenVfioDevice(answer.file, new EventLog(monotonicUs), 0);
  t.teardown(() => {
    device.close();
    carrier.close();
  });
  return { carrier, device };
}

t.test('infos', async (t) => {
  const { device } = opened(t, 'l2-strict');
  t.match(device.deviceInfo(), { flags: 0x41, numRegions: 2, numIrqs: 1 });
  t.match(device.regionInfo(1), { flags: 7, size: 8192n, offset: 1n << 40n });
  t.equal(device.regionInfo(2), -EINVAL);
  t.match(device.irqInfo(0), { flags: 1, count: 2 });
  t.equal(device.irqInfo(1), -EINVAL);
  t.equal(device.reset(), 0);
  t.match(opened(t, 'l1').device.deviceInfo(), { flags: 3, numRegions: 9, numIrqs: 5 });
});

t.test('regions', async (t) => {
  const { device } = opened(t, 'l1');
  const identity = new Uint8Array(4);
  t.equal(device.read(7, 0, identity), 4);
  t.same([...identity], [0xf4, 0x1a, 0xf0, 0x10]);
  t.equal(device.read(0, 4, identity), -EINVAL);
  t.equal(device.read(20, 0, identity), 0, 'an index that there is not');
  t.equal(device.write(1, 0, new Uint8Array(4)), 4);
  const page = device.map(1, 4096, 4096);
  assert.ok(typeof page !== 'number');
  t.equal(page.bytes.length, 4096);
  page.unmap();
  t.equal(device.map(0, 0, 4096), -EINVAL);
});

t.test('interrupts', async (t) => {
  const { carrier, device } = opened(t, 'l2-strict');
  const events = [eventfdCreate(), eventfdCreate()];
  const notAnEvent = openFile('/dev/null');
  t.equal(device.setIrqEvents(0, 0, events), 0);
  t.equal(carrier.heldEvents, 2);
  carrier.device.interrupts.call(1);
  t.same(events.map(eventfdRead), [0, 1]);
  t.equal(device.setIrqEvents(0, 1, [notAnEvent]), -EINVAL);
  t.equal(device.setIrqEvents(0, 1, [-1]), 0);
  t.equal(carrier.heldEvents, 1, 'it is the device that holds them');
  for (const event of events) closeFd(event);
  closeFd(notAnEvent);
  carrier.device.interrupts.call(0);
  t.equal(device.dropIrqs(0), 0);
  t.equal(carrier.heldEvents, 0);
  t.equal(device.setIrqEvents(1, 0, [-1]), -EINVAL);
});

t.test('a full event stays full', async (t) => {
  const { carrier, device } = opened(t, 'l2-strict');
  const event = eventfdCreate({ initial: 0xffff_fffe });
  device.setIrqEvents(0, 0, [event]);
  for (let n = 0; n < 3; n++) carrier.device.interrupts.call(0);
  t.equal(eventfdRead(event), 0x1_0000_0001);
  closeFd(event);
});

t.test('memory', async (t) => {
  const { carrier, device } = opened(t, 'l2-strict');
  const range = { ioVirtualAddress: 0x1000n, size: 0x2000n };
  t.equal(device.mapDma({ ...range, userAddress: 0x7000_0000n }), -EFAULT, 'memory that was not lent');
  const withdraw = carrier.lendMemory(0x7000_0000n, new Uint8Array(0x4000));
  t.equal(device.mapDma({ ...range, userAddress: 0x7000_1000n, permission: 'read' }), 0);
  t.match(carrier.device.container.mappings, [{ ...range, permission: 'read' }]);
  withdraw();
  t.equal(device.mapDma({ ioVirtualAddress: 0x8000n, size: 0x1000n, userAddress: 0x7000_0000n }), -EFAULT);
  t.equal(device.unmapDma({ ioVirtualAddress: 0n, size: 0x1_0000n }), 0x2000n);
  t.equal(device.unmapDma({ ioVirtualAddress: 1n, size: 0x1_0000n }), -EINVAL);
});

t.test('the container ends with the last open file', async (t) => {
  const { carrier, device } = opened(t, 'l2-faithful');
  const second = carrier.open();
  assert.ok(second.kind === 'opened');
  carrier.lendMemory(0x7000_0000n, new Uint8Array(0x1000));
  device.mapDma({ ioVirtualAddress: 0n, size: 0x1000n, userAddress: 0x7000_0000n });
  device.close();
  t.equal(carrier.device.container.mappings.length, 1);
  second.file.close();
  t.equal(carrier.device.container.mappings.length, 0);
  t.equal(second.file.ioctl(0x3b6f, new Uint8Array()), -EBADF);
});

t.test('every call and every access enters the log, those through the file too', async (t) => {
  const carrier = inProcessMdev(() => new BlockDevice({ queues: 2 }), mdevRuleTables['l2-strict']);
  const answer = carrier.open();
  assert.ok(answer.kind === 'opened');
  const log = new EventLog(() => 0);
  const device = new OpenVfioDevice(answer.file, log, 5);
  t.teardown(() => {
    device.close();
    carrier.close();
  });
  device.deviceInfo();
  device.setLayout('mdev-l2');
  device.write(1, 4096, Uint8Array.of(9, 0, 0, 0));
  device.read(0, 8, new Uint8Array(24));
  const page = device.map(1, 4096, 4096);
  assert.ok(typeof page !== 'number');
  device.store16(page, 1, 4096, 1);
  t.equal(new DataView(page.bytes.buffer, page.bytes.byteOffset).getUint16(0, true), 1);
  device.mapDma({ ioVirtualAddress: 0x1000n, userAddress: 0x5000n, size: 0x1001n });
  device.file.pwrite(2 ** 41 + 3, new Uint8Array(1));
  const told = log.events().map((event) => {
    if (event.kind === 'ioctl') return [event.layout, event.on, event.request, event.length, event.result];
    if (event.kind !== 'region-access') return [];
    return [event.layout, event.access, event.region, event.offset, event.length, event.result];
  });
  t.strictSame(told, [
    ['unknown', 'device', 0x3b6b, 16, 0],
    ['mdev-l2', 'device', 0x3b6c, 32, 0],
    ['mdev-l2', 'write', 1, 4096, 4, -EINVAL],
    ['mdev-l2', 'device', 0x3b6c, 32, 0],
    ['mdev-l2', 'read', 0, 8, 24, -EINVAL],
    ['mdev-l2', 'map', 1, 4096, 4096, 0],
    ['mdev-l2', 'store', 1, 4096, 2, 2],
    ['mdev-l2', 'container', 0x3b71, 32, -EINVAL],
    ['mdev-l2', 'write', 2, 3, 1, 0],
  ]);
  t.ok(log.events().every((event) => 'session' in event && event.session === 5));
  const [info] = log.events();
  assert.ok(info?.kind === 'ioctl');
  t.same([info.before[4], info.after[4]], [0, 0x41], 'as given, and as the call left it');
});
