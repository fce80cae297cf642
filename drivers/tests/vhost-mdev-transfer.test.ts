import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import { type GuestLayoutName, guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { type MdevMode, mdevRuleTables } from '../../reference-impl/vhost-mdev/mdev-rule-tables.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { readable, writable } from '../../reference-impl/virtqueue/segment.ts';
import { DeadlineError, DriverUsageError, IutGoneError, PeerProtocolError } from '../errors.ts';
import type { Guest, Queue } from '../port/port.ts';
import { type OpenMdevReferenceOptions, openMdevReference } from '../reference/open-mdev-reference.ts';
import type { MdevPort } from '../vhost-mdev/mdev-port.ts';
import { MdevSession } from '../vhost-mdev/mdev-session.ts';

const modes: readonly MdevMode[] = ['l1', 'l2-strict', 'l2-faithful'];
const VERSION_1 = 1n << 32n;
const EVENT_IDX = 1n << 29n;
const INDIRECT_DESC = 1n << 28n;

function opened(t: Test, options: OpenMdevReferenceOptions): MdevPort {
  const port = openMdevReference(options);
  t.teardown(() => port.close());
  return port;
}

function connected(port: MdevPort): MdevSession {
  const connection = port.connect();
  assert.ok(connection.kind === 'connected', JSON.stringify(connection));
  assert.ok(connection.session instanceof MdevSession);
  return connection.session;
}

function ready(port: MdevPort, layout: GuestLayoutName = 'below-and-above-4gib', features = VERSION_1) {
  const session = connected(port);
  const guest = port.createGuest(guestLayouts[layout]);
  const words = session.negotiate({ device: features });
  assert.equal(words.accepted.device, features);
  assert.deepEqual(session.shareMemory(guest), { kind: 'done', by: 'return' });
  return { session, guest };
}

/** Writes two sectors at sector 3 and reads them back: whether they are the same, and the lengths told. */
function writeThenRead(guest: Guest, queue: Queue, seed: number) {
  const data = Uint8Array.from({ length: 1024 }, (_, n) => (n * 7 + seed) & 0xff);
  const [out, into, status] = [1024, 1024, 1].map((size) => guest.allocate({ size }));
  assert.ok(out && into && status);
  out.store(data);
  const lengths: number[] = [];
  for (const [type, segment] of [
    [1, readable(out)],
    [0, writable(into)],
  ] as const) {
    const header = guest.allocate({ size: 16 });
    header.store(Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0));
    status.fill(0xff);
    queue.makeAvailable([[readable(header), segment, writable(status)]]);
    lengths.push(...queue.kickAndWaitForUsed(1).map(({ len }) => len));
    assert.equal(status.load()[0], 0);
  }
  return { isEqual: Buffer.compare(into.load(), data) === 0, lengths };
}

for (const mode of modes) {
  for (const notifyBy of ['write', 'mmap'] as const) {
    t.test(`${mode}, notified by ${notifyBy}: a block written and read back`, async (t) => {
      const port = opened(t, { device: 'block', mode, notifyBy });
      const { session, guest } = ready(port);
      const queue = session.attach(guest.ring({ layout: 'split', size: 128 }), { index: 0 });
      t.same(writeThenRead(guest, queue, 1), { isEqual: true, lengths: [1, 1025] });
      t.ok(queue.waitForCalls(2));
      t.equal(queue.drainCalls(), 2, 'a call each');
      t.equal(queue.calls(), 0);
      t.same(queue.stop(), { kind: 'stopped', position: splitPosition(2) });
      session.close();
      const kicks = port.log.events().filter((event) => event.kind === 'notification' && event.what === 'kick');
      t.equal(kicks.length, 2, 'the log has the kicks');
    });

    t.test(`${mode}, notified by ${notifyBy}: a frame comes back`, async (t) => {
      const port = opened(t, { device: 'net', mode, notifyBy });
      const { session, guest } = ready(port);
      const receive = session.attach(guest.ring({ layout: 'split', size: 64 }), { index: 0 });
      const transmit = session.attach(guest.ring({ layout: 'split', size: 64 }), { index: 1 });
      const buffers = [0, 1, 2].map(() => guest.allocate({ size: 2048 }));
      const heads = receive.makeAvailable(buffers.map((buffer) => [writable(buffer)]));
      receive.kick();
      const frame = guest.allocate({ size: 72 });
      frame.store(Uint8Array.from({ length: 72 }, (_, n) => (n < 12 ? 0 : n)));
      transmit.makeAvailable([[readable(frame)]]);
      t.same(transmit.kickAndWaitForUsed(1), [{ id: 0, len: 0 }]);
      const [element] = receive.waitForUsed(1);
      t.equal(element?.len, 72);
      const buffer = buffers[heads.indexOf(element?.id ?? -1)];
      t.same(buffer?.load().subarray(12, 72), frame.load().subarray(12));
      t.same([receive.drainCalls(), transmit.drainCalls()], [1, 1], 'each on its own vector');
      t.same(receive.stop(), { kind: 'stopped', position: splitPosition(1) });
      t.same(
        transmit.stop(),
        { kind: 'stopped', position: splitPosition(1) },
        'though the other ring was stopped before',
      );
    });
  }

  t.test(`${mode}: every layout of memory`, async (t) => {
    const port = opened(t, { device: 'block', mode });
    for (const name of Object.keys(guestLayouts) as GuestLayoutName[]) {
      const { session, guest } = ready(port, name);
      const queue = session.attach(guest.ring({ layout: 'split', size: 16, placement: 'apart' }), { index: 1 });
      t.ok(writeThenRead(guest, queue, 2).isEqual, name);
      t.equal(port.releaseAll(), 2);
    }
  });

  t.test(`${mode}: a base of its own, indirect chains and EVENT_IDX`, async (t) => {
    const port = opened(t, { device: 'block', mode });
    const { session, guest } = ready(port, 'single-region', VERSION_1 | EVENT_IDX | INDIRECT_DESC);
    const base = 65_534;
    const ring = guest.ring({ layout: 'split', size: 16, position: splitPosition(base) });
    const queue = session.attach(ring, { index: 0, eventIdx: true, indirect: true });
    const status = guest.allocate({ size: 1 });
    const chain = () => [
      readable(guest.allocate({ size: 16 })),
      writable(guest.allocate({ size: 512 })),
      writable(status),
    ];
    queue.makeAvailable([chain(), chain(), chain(), chain()], { indirect: 'all' });
    t.equal(queue.kickAndWaitForUsed(4).length, 4);
    t.same(queue.stop(), { kind: 'stopped', position: splitPosition(2) }, 'the index wrapped');
    t.throws(() => queue.waitForUsed(1), DeadlineError);
  });

  t.test(`${mode}: rings come and go while others run`, async (t) => {
    const port = opened(t, { device: 'block', mode });
    const { session, guest } = ready(port);
    const first = session.attach(guest.ring({ layout: 'split', size: 8 }), { index: 0 });
    t.ok(writeThenRead(guest, first, 1).isEqual);
    const second = session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 1, call: false });
    t.ok(writeThenRead(guest, second, 2).isEqual);
    t.ok(writeThenRead(guest, first, 3).isEqual, 'the first goes on where it was');
    t.same(first.stop(), { kind: 'stopped', position: splitPosition(4) });
    t.ok(writeThenRead(guest, second, 4).isEqual, 'the second does when the first has stopped');
    first.makeAvailable([[writable(guest.allocate({ size: 1 }))]]);
    first.kick();
    t.throws(() => first.waitForUsed(1), DeadlineError, 'a stopped ring rests');
    const again = session.attach(guest.ring({ layout: 'split', size: 32, position: splitPosition(4) }), {
      index: 0,
      enable: false,
    });
    again.makeAvailable([[writable(guest.allocate({ size: 1 }))]]);
    again.kick();
    t.throws(() => again.waitForUsed(1), DeadlineError, 'and one that is not enabled');
    t.same(again.setEnabled(true), { kind: 'done', by: 'return' });
    t.equal(again.waitForUsed(1).length, 1);
    t.same(second.stop(), { kind: 'stopped', position: splitPosition(4) });
    t.throws(
      () => session.attach(guest.ring({ layout: 'split', size: 8 }), { index: 0, kick: false }).kick(),
      DriverUsageError,
    );
  });

  t.test(`${mode}: sessions leave nothing behind`, async (t) => {
    const port = opened(t, { device: 'block', mode });
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const round = (way: 'close' | 'abandon') => {
      const { session, guest } = ready(port);
      const queue = session.attach(guest.ring({ layout: 'split', size: 8 }), { index: 0 });
      assert.ok(writeThenRead(guest, queue, 5).isEqual);
      session[way]();
      session[way]();
      port.releaseAll();
    };
    round('close');
    const before = descriptors();
    for (let n = 0; n < 3; n++) round('close');
    t.equal(port.iut.resources()?.descriptors, 0);
    t.equal(descriptors(), before);
    round('abandon');
    const kept = mode === 'l2-faithful' ? 1 : 0;
    t.equal(port.iut.resources()?.descriptors, kept, 'as coded, close drops no event descriptor');
    round('close');
    t.equal(port.iut.resources()?.descriptors, 0);
    port.iut.restart();
    round('close');
    t.equal(descriptors(), before);
  });
}

t.test('a second session', async (t) => {
  for (const mode of modes) {
    const port = opened(t, { device: 'block', mode });
    const { session, guest } = ready(port);
    const second = port.connect();
    t.match(second, mode === 'l2-faithful' ? { kind: 'connected' } : { kind: 'refused', why: 'EBUSY' }, mode);
    const queue = session.attach(guest.ring({ layout: 'split', size: 8 }), { index: 0 });
    t.ok(writeThenRead(guest, queue, 1).isEqual);
  }
});

t.test('what a device refuses is said with its error', async (t) => {
  const port = opened(t, { device: 'block', mode: 'l2-strict' });
  const { session, guest } = ready(port);
  const ring = guest.ring({ layout: 'split', size: 8 });
  const unshared = port.createGuest(guestLayouts['single-region']).ring({ layout: 'split', size: 8 });
  t.throws(() => session.attach(ring, { index: 2 }), new PeerProtocolError('VHOST_SET_VRING_BASE: ENOBUFS'));
  t.throws(
    () => session.attach(unshared, { index: 0 }),
    new PeerProtocolError('ring 0 could not be started: EFAULT'),
    'a ring in memory that was not shared',
  );
  const queue = session.attach(ring, { index: 0 });
  t.ok(writeThenRead(guest, queue, 1).isEqual, 'the device still serves');
  const [region] = guest.regions;
  t.ok(region);
  const { ioVirtualAddress = 0n, userAddress = 0n, size = 0 } = region ?? {};
  t.equal(
    session.vfio.mapDma({ ioVirtualAddress, userAddress, size: BigInt(size) }),
    -17,
    'EEXIST: it is mapped already',
  );
  t.throws(() => session.readFeatures('protocol-features'), DriverUsageError);
  session.vfio.close();
  t.throws(() => queue.kick(), new PeerProtocolError('the doorbell of ring 0: EBADF'));
});

t.test('a device that went away', async (t) => {
  const port = opened(t, { device: 'block', mode: 'l2-strict' });
  const { session, guest } = ready(port);
  const queue = session.attach(guest.ring({ layout: 'split', size: 8 }), { index: 0 });
  const { file } = session.vfio;
  port.iut.restart();
  t.notOk(session.isOpen);
  t.throws(() => queue.waitForUsed(1), IutGoneError);
  t.equal(file.ioctl(0x3b6f, new Uint8Array()), -9, 'its file is closed');
  const { session: fresh, guest: other } = ready(port);
  t.ok(writeThenRead(other, fresh.attach(other.ring({ layout: 'split', size: 8 }), { index: 0 }), 1).isEqual);
});

t.test('answers that are not those of the request end in a finding', async (t) => {
  const right = mdevRuleTables['l2-strict'];
  const faulty = (change: Partial<typeof right.channel>) =>
    connected(
      opened(t, { device: 'block', mode: 'l2-strict', rules: { ...right, channel: { ...right.channel, ...change } } }),
    );
  const negotiate = (session: MdevSession) => () => session.negotiate({});
  t.throws(
    negotiate(faulty({ answerRequest: (request) => request + 1n })),
    new PeerProtocolError('the answer to VHOST_GET_FEATURES is one to 0x8008af01'),
  );
  t.throws(
    negotiate(faulty({ nextAnswer: (waiting, next) => waiting ?? { ...next, payload: new Uint8Array() } })),
    new PeerProtocolError('VHOST_GET_FEATURES: EINVAL'),
  );
  t.throws(
    negotiate(faulty({ written: (count, error) => (error === 0 ? count - 1 : -error) })),
    new PeerProtocolError('VHOST_SET_OWNER: 15 of 16 bytes taken'),
  );
  const unknown = opened(t, {
    device: 'block',
    mode: 'l2-strict',
    rules: { ...right, layout: { ...right.layout, deviceFlags: 0x4 } },
  });
  t.same(unknown.connect(), { kind: 'refused', why: 'it is not a vhost-mdev: its flags are 0x4' });
});

t.test('a device that breaks down', async (t) => {
  const broken = (fault: 'block-short-request-crashes' | 'avail-idx-jump-hangs') =>
    opened(t, { device: 'block', mode: 'l2-strict', faults: [fault] });
  const crashing = broken('block-short-request-crashes');
  const first = ready(crashing);
  const queue = first.session.attach(first.guest.ring({ layout: 'split', size: 8 }), { index: 0 });
  const [short, status] = [8, 1].map((size) => first.guest.allocate({ size }));
  assert.ok(short && status);
  queue.makeAvailable([[readable(short), writable(status)]]);
  t.throws(() => queue.kickAndWaitForUsed(1), IutGoneError);
  t.same(crashing.iut.exit(), { signal: 'SIGABRT' });
  t.notOk(crashing.iut.isAlive());
  t.same(first.session.readFeatures('features'), { kind: 'died', exit: { signal: 'SIGABRT' } });
  t.same(crashing.connect(), { kind: 'refused', why: 'the device broke down: abort' });
  crashing.releaseAll();
  crashing.iut.restart();
  const again = ready(crashing);
  const fresh = again.session.attach(again.guest.ring({ layout: 'split', size: 8 }), { index: 0 });
  t.ok(writeThenRead(again.guest, fresh, 1).isEqual, 'it serves once it is started again');

  const hanging = broken('avail-idx-jump-hangs');
  const second = ready(hanging);
  const ring = second.guest.ring({ layout: 'split', size: 8 });
  const hung = second.session.attach(ring, { index: 0 });
  ring.setAvailIdx(100);
  hung.kick();
  t.throws(() => hung.waitForUsed(1), DeadlineError);
  t.ok(hanging.iut.isAlive());
  t.equal(hanging.iut.exit(), undefined);
  t.match(second.session.fence(), { kind: 'silent' });
});

t.test('what was notified before a call is done before it', async (t) => {
  const port = opened(t, { device: 'block', mode: 'l2-strict' });
  const { session, guest } = ready(port);
  const queue = session.attach(guest.ring({ layout: 'split', size: 8 }), { index: 0 });
  const chain = () => [readable(guest.allocate({ size: 16 })), writable(guest.allocate({ size: 513 }))];
  queue.makeAvailable([chain(), chain(), chain()]);
  queue.kick();
  t.equal(queue.ring.usedIdx(), 0, 'nothing is done by itself');
  t.same(session.fence(), { kind: 'passed' });
  t.equal(queue.ring.usedIdx(), 3);
  t.match(session.readFeatures('features'), { kind: 'word', word: session.negotiated.offered.device });
  t.throws(() => session.readFeatures('protocol-features'), DriverUsageError);
});
