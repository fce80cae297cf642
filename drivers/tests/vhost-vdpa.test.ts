import assert from 'node:assert/strict';
import t, { type Test } from 'tap';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { errno } from '../../reference-impl/wire/errno.ts';
import { iotlbMessageTypes } from '../../reference-impl/wire/vdpa-structures.ts';
import { PeerProtocolError } from '../errors.ts';
import { RequestsUnknownError } from '../port/port.ts';
import { openVdpaReference } from '../reference/open-vdpa-reference.ts';
import { within } from '../session/layout-within.ts';
import type { VdpaSession } from '../vhost-vdpa/vdpa-session.ts';

const features = (1n << 32n) | (1n << 33n);

function connected(t: Test, notifyBy: 'eventfd' | 'doorbell' = 'eventfd') {
  const port = openVdpaReference({ device: 'block', notifyBy });
  t.teardown(() => port.close());
  const opened = port.connect();
  assert.ok(opened.kind === 'connected');
  const guest = port.createGuest(guestLayouts['single-region']);
  return { port, session: opened.session, guest };
}

const DRIVER_OK = 4;

t.test('DRIVER_OK comes with the first use of a ring, behind all of them', async (t) => {
  const { session, guest } = connected(t);
  session.negotiate({ device: features });
  session.shareMemory(guest);
  const first = session.attach(guest.ring({ size: 16, layout: 'split' }), { index: 0 });
  session.attach(guest.ring({ size: 16, layout: 'split' }), { index: 1 });
  t.equal(session.calls.status() & DRIVER_OK, 0, 'rings are set up while the device does not run');
  first.kick();
  t.equal(session.calls.status() & DRIVER_OK, DRIVER_OK);
});

t.test('a ring that comes later does so while the device is suspended, and others go on', async (t) => {
  const { session, guest, port } = connected(t);
  session.negotiate({ device: features });
  session.shareMemory(guest);
  session.attach(guest.ring({ size: 16, layout: 'split' }), { index: 0 }).kick();
  const later = session.attach(guest.ring({ size: 16, layout: 'split' }), { index: 1, position: splitPosition(7) });
  t.same(later.stop(), { kind: 'stopped', position: splitPosition(7) });
  const names = port.log.events().flatMap((event) => (event.kind === 'ioctl' ? [event.request] : []));
  t.equal(names.filter((request) => request === 0xaf7d).length, 2, 'VHOST_VDPA_SUSPEND');
  t.equal(names.filter((request) => request === 0xaf7e).length, 2, 'VHOST_VDPA_RESUME');
});

t.test(
  'where rings stop by a reset, positions are not told, and no ring comes or goes while the device runs',
  async (t) => {
    const { session, guest, port } = connected(t);
    Object.defineProperty(port, 'facts', { value: { ...port.facts, ringsStop: 'by-reset' } });
    session.negotiate({ device: features });
    session.shareMemory(guest);
    const ring = () => guest.ring({ size: 16, layout: 'split' });
    const queue = session.attach(ring(), { index: 0 });
    queue.kick();
    t.throws(() => session.attach(ring(), { index: 1 }), RequestsUnknownError, 'it runs');
    t.throws(() => queue.setEnabled(false), RequestsUnknownError);
    const stopped = queue.stop();
    assert.ok(stopped.kind === 'stopped');
    t.throws(() => stopped.position, RequestsUnknownError);
    t.equal(session.calls.status(), 0, 'the device is reset');
    t.throws(() => queue.kick(), RequestsUnknownError, 'it rests');
    t.throws(() => session.attach(ring(), { index: 1 }), RequestsUnknownError);
  },
);

t.test('who writes the status decides on DRIVER_OK', async (t) => {
  const { session, guest } = connected(t);
  session.negotiate({ device: features });
  session.shareMemory(guest);
  t.same(session.device.status.set(11), { kind: 'done', by: 'return' });
  session.attach(guest.ring({ size: 16, layout: 'split' }), { index: 0 }).kick();
  t.same(session.device.status.get(), { kind: 'number', value: 11 });
  t.same(session.device.status.set(1), { kind: 'refused', by: 'errno', value: errno.EINVAL });
});

t.test('memory that is told again takes the place of what was told', async (t) => {
  const { session, guest, port } = connected(t);
  session.negotiate({ device: features });
  t.same(session.shareMemory(guest), { kind: 'done', by: 'return' });
  t.same(session.shareMemory(guest), { kind: 'done', by: 'return' });
  const other = port.createGuest(guestLayouts['below-and-above-4gib']);
  t.same(session.shareMemory(other), { kind: 'done', by: 'return' });
  const [region] = other.regions;
  assert.ok(region !== undefined);
  const answer = session.calls.iotlb({
    request: iotlbMessageTypes.VHOST_IOTLB_UPDATE,
    ioVirtualAddress: region.ioVirtualAddress,
    userAddress: region.userAddress,
    size: BigInt(region.size),
    permission: 3,
  });
  t.equal(answer, -errno.EFAULT, 'it is mapped');
});

t.test('features that are refused are a protocol error, and configuration outside is unreadable', async (t) => {
  const { session } = connected(t);
  session.negotiate({ device: 1n << 32n });
  t.throws(() => session.negotiate({ device: 1n << 32n }), PeerProtocolError, 'they are fixed');
  t.match(session.device.config.read(0, 8), { kind: 'bytes' });
  t.match(session.device.config.read(4096, 8), { kind: 'unreadable', why: /EINVAL/ });
  t.match(session.device.queues.count(), { kind: 'number', value: 2 });
});

t.test('a device that was restarted is gone for its sessions', async (t) => {
  const { session, port } = connected(t);
  port.iut.restart();
  t.notOk(session.isOpen);
  t.same(session.readFeatures('features'), { kind: 'closed' });
  const again = port.connect();
  t.equal(again.kind, 'connected');
  t.match(port.connect(), { kind: 'refused', why: 'EBUSY' });
});

t.test('rings are notified by stores into their doorbells', async (t) => {
  const { session, guest } = connected(t, 'doorbell');
  const opened: VdpaSession = session;
  opened.negotiate({ device: features });
  opened.shareMemory(guest);
  const queue = opened.attach(guest.ring({ size: 16, layout: 'split' }), { index: 0 });
  t.equal(queue.errors(), 0);
  queue.kick();
  t.same(queue.stop(), { kind: 'stopped', position: splitPosition(0) });
});

t.test('I/O-virtual addresses of a guest are moved into the range of the device, as one', async (t) => {
  const layout = guestLayouts['below-and-above-4gib'];
  t.equal(within(layout, { first: 0n, last: 2n ** 64n - 1n }), layout);
  const moved = within(layout, { first: 0x1000n, last: 2n ** 39n - 1n });
  const distances = moved.regions.map((one, n) => (layout.regions[n]?.ioVirtualAddress ?? 0n) - one.ioVirtualAddress);
  t.equal(new Set(distances).size, 1);
  for (const { ioVirtualAddress, size } of moved.regions) {
    t.ok(ioVirtualAddress >= 0x1000n && ioVirtualAddress + BigInt(size) <= 2n ** 39n);
  }
  t.throws(() => within(layout, { first: 0n, last: 0xffffn }), /has no room/);
});
