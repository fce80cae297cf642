import t from 'tap';
import { qemuStorageDaemon } from '../../fixtures/targets/qemu-storage-daemon.ts';
import { type GuestLayoutName, guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { readable, writable } from '../../reference-impl/virtqueue/segment.ts';
import { DeadlineError, DriverUsageError, IutGoneError } from '../errors.ts';
import { targetVersion } from '../iut-process/target-version.ts';
import type { Guest, Queue, VhostUserSession } from '../port/port.ts';
import { connected, running, skipWithout } from './real-target.ts';

const skip = skipWithout(qemuStorageDaemon);
const version1 = 1n << 32n;
const eventIdx = 1n << 29n;
const indirectDesc = 1n << 28n;
const bit30 = 1n << 30n;
const replyAck = 1n << 3n;
const VIRTIO_BLK_T_IN = 0;
const VIRTIO_BLK_T_OUT = 1;

const header = (guest: Guest, type: number, sector: number) => {
  const span = guest.allocate({ size: 16 });
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setBigUint64(8, BigInt(sector), true);
  span.store(bytes);
  return span;
};

const writeThenRead = (guest: Guest, queue: Queue, seed: number) => {
  const data = Uint8Array.from({ length: 1024 }, (_, at) => (at * 7 + seed) & 0xff);
  const outgoing = guest.allocate({ size: 1024 });
  const incoming = guest.allocate({ size: 1024 });
  const status = guest.allocate({ size: 1 });
  outgoing.store(data);
  const put = (type: number, segment: ReturnType<typeof readable>) => {
    status.fill(0xff);
    queue.makeAvailable([[readable(header(guest, type, 3)), segment, writable(status)]]);
    const used = queue.kickAndWaitForUsed(1);
    return { used, status: status.load()[0] };
  };
  const write = put(VIRTIO_BLK_T_OUT, readable(outgoing));
  const read = put(VIRTIO_BLK_T_IN, writable(incoming));
  return { write, read, isEqual: Buffer.compare(incoming.load(), data) === 0 };
};

const ready = (session: VhostUserSession, guest: Guest, features = version1 | bit30): void => {
  session.negotiate({ device: features, protocol: replyAck });
  session.shareMemory(guest);
};

t.test('a block written and read back through a ring', { skip }, (t) => {
  const { port } = running(t, qemuStorageDaemon);
  const session = connected(port);
  const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
  const words = session.negotiate({ device: version1 | bit30, protocol: replyAck });
  t.equal(words.accepted.device, version1 | bit30);
  t.same(session.shareMemory(guest), { kind: 'done', by: 'acknowledgement' });
  const queue = session.attach(guest.ring({ layout: 'split', size: 128 }), { index: 0 });
  t.equal(queue.drainCalls(), 0, 'what came before is no call');
  const { write, read, isEqual } = writeThenRead(guest, queue, 1);
  t.match(write, { status: 0, used: [{ len: 1 }] });
  t.match(read, { status: 0, used: [{ len: 1025 }] });
  t.ok(isEqual, 'byte for byte');
  t.ok(queue.waitForCalls(2));
  t.equal(queue.drainCalls(), 2, 'a call each, and not the one at the start');
  t.equal(queue.calls(), 0);
  t.equal(queue.errors(), 0);
  t.same(queue.stop(), { kind: 'stopped', position: splitPosition(2) });
  t.equal(session.desync, undefined);
  const { mappings } = port.iut.resources() ?? {};
  t.ok(mappings?.['vhost-conformance-guest0-file0'], 'the guest is mapped there');
  session.close();
  t.end();
});

t.test('every layout of memory', { skip }, (t) => {
  const { port } = running(t, qemuStorageDaemon);
  for (const name of Object.keys(guestLayouts) as GuestLayoutName[]) {
    if (name === 'end-of-range') continue;
    const session = connected(port);
    const guest = port.createGuest(guestLayouts[name]);
    ready(session, guest);
    const queue = session.attach(guest.ring({ layout: 'split', size: 16, placement: 'apart' }), { index: 1 });
    t.ok(writeThenRead(guest, queue, 2).isEqual, name);
    port.releaseAll();
  }
  t.end();
});

t.test('a base of its own, indirect chains and EVENT_IDX', { skip }, (t) => {
  const { port } = running(t, qemuStorageDaemon);
  const session = connected(port);
  const guest = port.createGuest(guestLayouts['single-region']);
  ready(session, guest, version1 | bit30 | eventIdx | indirectDesc);
  const base = 65_534;
  const queue = session.attach(guest.ring({ layout: 'split', size: 16, position: splitPosition(base) }), {
    index: 0,
    eventIdx: true,
    indirect: true,
  });
  const status = guest.allocate({ size: 1 });
  const chain = () => [
    readable(header(guest, VIRTIO_BLK_T_IN, 0)),
    writable(guest.allocate({ size: 512 })),
    writable(status),
  ];
  queue.makeAvailable([chain(), chain(), chain(), chain()], { indirect: 'all' });
  t.equal(queue.kickAndWaitForUsed(4).length, 4);
  t.same(queue.stop(), { kind: 'stopped', position: splitPosition(2) }, 'the index wrapped');
  t.throws(() => queue.makeAvailable(Array.from({ length: 17 }, chain), { indirect: 'all' }), DriverUsageError);
  t.end();
});

t.test('without a kick nothing is used, without a call it still is', { skip }, (t) => {
  const { port } = running(t, qemuStorageDaemon);
  const session = connected(port);
  const guest = port.createGuest(guestLayouts['single-region']);
  ready(session, guest);
  const queue = session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 0 });
  queue.drainCalls();
  queue.driver.disableCalls();
  t.ok(writeThenRead(guest, queue, 3).isEqual, 'completions are found in memory');
  t.notOk(queue.waitForCalls(1, 20));
  t.throws(() => queue.waitForUsed(1, 50), new DeadlineError('ring 0: 0 of 1 used elements after 50 ms'));
  const still = session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 1, kick: false });
  t.throws(() => still.kick(), DriverUsageError);
  const other = session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 1 });
  other.kick();
  t.throws(() => other.calls(), DriverUsageError, 'too late to tell a signal at the start from a call');
  t.end();
});

t.test('a death is seen by every kind of wait, with its signal', { skip }, (t) => {
  const { port, pid } = running(t, qemuStorageDaemon);
  const started = pid();
  for (const wait of ['exchange', 'used', 'until'] as const) {
    const session = connected(port);
    const guest = port.createGuest(guestLayouts['single-region']);
    ready(session, guest);
    const queue = session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 0 });
    queue.kick();
    // Stopped first, so that the exchange cannot be answered before the signal arrives.
    process.kill(pid(), 'SIGSTOP');
    process.kill(pid(), 'SIGSEGV');
    process.kill(pid(), 'SIGCONT');
    if (wait === 'exchange') {
      t.same(session.messages.exchange({ request: 1 }), { kind: 'died', exit: { signal: 'SIGSEGV' } });
      t.same(session.messages.exchange({ request: 1 }), { kind: 'died', exit: { signal: 'SIGSEGV' } });
    } else if (wait === 'used') {
      t.throws(() => queue.waitForUsed(1), IutGoneError);
    } else {
      t.equal(
        port.until(() => false, 5000),
        'died',
      );
    }
    t.same(port.iut.exit(), { signal: 'SIGSEGV' });
    t.notOk(port.iut.isAlive());
    port.releaseAll();
    port.iut.restart();
    t.ok(port.iut.isAlive());
  }
  t.not(pid(), started);
  const session = connected(port);
  t.equal(session.messages.fence().kind, 'reply', 'the one in its place serves');
  t.end();
});

t.test('waiting', { skip }, (t) => {
  const { port } = running(t, qemuStorageDaemon);
  t.equal(
    port.until(() => true, 0),
    'true',
  );
  const before = port.nowMs();
  t.equal(
    port.until(() => false, 60),
    'deadline',
  );
  t.ok(port.nowMs() - before >= 60);
  const session = connected(port);
  session.negotiate({ device: version1 | bit30 });
  session.messages.shutdown('both');
  t.equal(
    port.until(() => false, 2000),
    'closed',
  );
  t.ok(port.iut.isAlive());
  t.end();
});

t.test('what the program says of itself', { skip }, (t) => {
  t.match(targetVersion(qemuStorageDaemon), /^\d+\.\d+/);
  t.end();
});
