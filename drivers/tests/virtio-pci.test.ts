import assert from 'node:assert/strict';
import t, { type Test } from 'tap';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { virtioPciRules } from '../../reference-impl/virtio-pci/pci-rules.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import { isrStatus, VIRTIO_MSI_NO_VECTOR } from '../../reference-impl/wire/virtio-pci.ts';
import { DeadlineError, DriverUsageError, PeerProtocolError } from '../errors.ts';
import { eventfdRead } from '../native/native.ts';
import { RequestsUnknownError } from '../port/port.ts';
import { type OpenPciReferenceOptions, openPciReference } from '../reference/open-pci-reference.ts';

const ringReset = 1n << 40n;
const features = (1n << 32n) | (1n << 33n);
const FEATURES_OK = 8;
const DRIVER_OK = 4;

function connected(t: Test, options: Partial<OpenPciReferenceOptions> = {}) {
  const port = openPciReference({ device: 'block', ...options });
  t.teardown(() => port.close());
  const opened = port.connect();
  assert.ok(opened.kind === 'connected');
  const guest = port.createGuest(guestLayouts['single-region']);
  const ring = () => guest.ring({ size: 16, layout: 'split' });
  return { port, session: opened.session, guest, ring };
}

function running(t: Test, accepted: bigint, options: Partial<OpenPciReferenceOptions> = {}) {
  const all = connected(t, options);
  all.session.negotiate({ device: accepted });
  all.session.shareMemory(all.guest);
  return { ...all, queue: all.session.attach(all.ring(), { index: 0 }) };
}

t.test('DRIVER_OK comes with the first use of a ring, and each queue has a word and a place of its own', async (t) => {
  const notifyData = 1n << 39n;
  const { session, ring, queue, port } = running(t, features | notifyData);
  const other = session.attach(ring(), { index: 1 });
  t.equal(session.pci.read('deviceStatus') & DRIVER_OK, 0, 'rings are set up while the device does not run');
  queue.kick();
  other.kick();
  t.equal(session.pci.read('deviceStatus') & DRIVER_OK, DRIVER_OK);
  const notify = session.pci.structure(2);
  const written = port.log
    .events()
    .flatMap((event) =>
      event.kind === 'region-access' && event.access === 'write' && event.offset >= (notify?.offset ?? 0)
        ? [[event.offset - (notify?.offset ?? 0), ...event.bytes]]
        : [],
    )
    .slice(-2);
  t.same(written, [
    [4, 0, 1],
    [8, 1, 1],
  ]);
});

t.test('with RING_RESET a ring stops alone, and another takes its place', async (t) => {
  const { session, ring, queue } = running(t, features | ringReset, { queues: 3 });
  const disabled = session.attach(ring(), { index: 1, enable: false });
  queue.kick();
  t.throws(() => session.attach(ring(), { index: 2 }), RequestsUnknownError, 'the device runs');
  t.throws(() => disabled.setEnabled(true), RequestsUnknownError, 'queues are enabled before it does');
  const stopped = queue.stop();
  assert.ok(stopped.kind === 'stopped');
  t.throws(() => stopped.position, RequestsUnknownError, 'no ring tells where it stopped');
  t.equal(session.pci.read('deviceStatus') & DRIVER_OK, DRIVER_OK, 'the device runs on');
  session.attach(ring(), { index: 0 }).kick();
  session.attach(ring(), { index: 0 }).kick();
  t.throws(() => session.attach(ring(), { index: 0, position: splitPosition(7) }), DriverUsageError);
});

t.test('without RING_RESET a ring stops by a reset of the device', async (t) => {
  const { session, ring, queue } = running(t, features);
  queue.kick();
  t.throws(() => session.attach(ring(), { index: 0 }), RequestsUnknownError, 'it runs');
  t.throws(() => queue.setEnabled(false), RequestsUnknownError);
  assert.equal(queue.stop().kind, 'stopped');
  t.equal(session.pci.read('deviceStatus'), 0, 'the device is reset');
  t.throws(() => queue.kick(), RequestsUnknownError, 'it rests');
  t.throws(() => session.attach(ring(), { index: 0 }), RequestsUnknownError);
});

t.test('who writes the status decides on DRIVER_OK', async (t) => {
  const { session, queue } = running(t, features);
  t.same(session.device.status.set(11), { kind: 'done', by: 'return' });
  queue.kick();
  t.same(session.device.status.get(), { kind: 'number', value: 11 });
  t.same(session.device.status.set(0), { kind: 'done', by: 'return' });
  t.same(session.device.status.get(), { kind: 'number', value: 0 });
});

t.test('queues have vectors of their own as long as there are any, and then that of configuration', async (t) => {
  const { session, ring } = running(t, features, { queues: 2 });
  const second = session.attach(ring(), { index: 1 });
  t.equal(session.pci.vectors(), 2);
  session.pci.write('queueSelect', 0);
  t.equal(session.pci.read('queueMsixVector'), 1);
  session.pci.write('queueSelect', 1);
  t.equal(session.pci.read('queueMsixVector'), 0);
  t.equal(session.pci.read('configMsixVector'), 0);
  t.equal(session.takeConfigInterrupts(), 0);
  second.driver.addHead(99);
  second.makeAvailable([]);
  second.kick();
  t.ok(second.waitForCalls(1), 'the vector is that of configuration, too');
  t.equal(session.takeConfigInterrupts(), 1, 'the ring is broken');
  t.equal(second.drainCalls(), 1);
  t.equal(second.calls(), 0);
});

t.test('the pin is masked when it signals, and goes on once ISR status was read', async (t) => {
  const { session, guest, ring, port } = connected(t);
  session.negotiate({ device: features });
  session.shareMemory(guest);
  const event = port.descriptors.eventfd();
  t.equal(session.vfio.setIrqEvents(vfioPci.INTX_IRQ_INDEX, 0, [event]), 0);
  const queue = session.attach(ring(), { index: 0, call: false });
  session.pci.write('queueSelect', 0);
  t.equal(session.pci.read('queueMsixVector'), VIRTIO_MSI_NO_VECTOR);
  queue.driver.addHead(99);
  queue.makeAvailable([]);
  queue.kick();
  session.pci.read('deviceStatus');
  t.equal(eventfdRead(event), 1);
  t.equal(session.pci.readConfigSpace(6, 2) & 8, 8, 'the interrupt status');
  t.equal(session.pci.readIsr(), isrStatus.CONFIGURATION);
  t.equal(session.pci.readIsr(), 0);
  t.equal(session.pci.readConfigSpace(6, 2) & 8, 0);
  t.equal(session.vfio.setIrqEvents(vfioPci.MSIX_IRQ_INDEX, 0, [event]), -22, 'one kind of interrupts at a time');
});

t.test('a function without a structure is told of', async (t) => {
  const without = (type: number) => ({
    ...virtioPciRules,
    capabilities: {
      ...virtioPciRules.capabilities,
      shown: (all: Parameters<typeof virtioPciRules.capabilities.shown>[0]) => all.filter((one) => one.type !== type),
    },
  });
  const { session } = connected(t, { rules: without(1) });
  t.match(session.readFeatures('features'), { kind: 'malformed' });
  t.equal(session.fence().kind, 'passed');
  t.throws(() => session.negotiate({ device: features }));
  t.throws(() => running(t, features, { rules: without(2) }), PeerProtocolError);
  const { session: bare } = connected(t, { rules: without(4) });
  t.equal(bare.device.config.read(0, 8).kind, 'unreadable');
});

t.test('a set of features that the device takes back is told of', async (t) => {
  const { session } = connected(t);
  t.throws(() => session.negotiate({ device: 1n << 32n }), { message: 'the device took FEATURES_OK back' });
  t.equal(session.pci.read('deviceStatus') & FEATURES_OK, 0);
});

t.test('a reset that does not end is told of, and is not taken for a device that is gone', async (t) => {
  const rules = { ...virtioPciRules, status: { ...virtioPciRules.status, afterZero: () => 1 } };
  const { session } = connected(t, { rules, deadlineMs: 20 });
  t.throws(() => session.prepare(), DeadlineError);
  const lasts = { ...virtioPciRules.queueReset, shown: () => 1 };
  const slow = running(t, features | ringReset, { rules: { ...virtioPciRules, queueReset: lasts }, deadlineMs: 20 });
  t.equal(slow.queue.stop().kind, 'silent');
  const again = running(t, features | ringReset, { rules: { ...virtioPciRules, queueReset: lasts }, deadlineMs: 20 });
  t.throws(() => again.session.attach(again.ring(), { index: 0 }), DeadlineError);
});

t.test('behind a restart, a session that was open finds no device', async (t) => {
  const { session, port } = running(t, features);
  port.iut.restart();
  t.notOk(session.isOpen);
  t.equal(session.pci.read('deviceStatus'), -9);
});
