import t from 'tap';
import { defaultGuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import { receiveMessage, sendMessage } from '../native/native.ts';
import type { BackEndRequestPolicy, VhostUserSession } from '../port/port.ts';
import { deadlineIn } from '../session/deadline.ts';
import type { VhostUserPort } from '../vhost-user/vhost-user-port.ts';
import { messageBytes, type PeerRequest, ScriptedPeer, scriptedPort } from './scripted-peer.ts';

const setBackendReqFd = 21;
const iotlbMsg = 22;
const backendIotlbMsg = 1;
const backendConfigChange = 2;
const backendVringCall = 4;
const backendVringErr = 5;
const needReply = 9;
const accessPlatform = 1n << 33n;
const bit30 = 1n << 30n;

interface Peered {
  readonly port: VhostUserPort;
  readonly peer: ScriptedPeer;
  readonly session: VhostUserSession;
  /** The peer's end of the channel. */
  readonly fd: number;
}

const open = (test: { teardown(handler: () => void): void }, policy: BackEndRequestPolicy, features = 0n): Peered => {
  const peer = new ScriptedPeer();
  peer.answer = ({ request, flags }: PeerRequest) => {
    if (request === 1) peer.sendU64(1, bit30 | features);
    else if (request === 15) peer.sendU64(15, (1n << 3n) | (1n << 5n));
    else if (request === 17) peer.sendU64(17, 1n);
    else if ((flags & 8) !== 0) peer.sendU64(request, 0n);
  };
  const port = scriptedPort(peer);
  test.teardown(() => {
    port.close();
    peer.close();
  });
  const connection = port.connect();
  if (connection.kind === 'refused') throw new Error(connection.why);
  const { session } = connection;
  session.negotiate({ device: bit30 | features, protocol: ~0n });
  const answer = session.messages.openBackEndChannel(policy);
  if (answer.kind !== 'done') throw new Error(answer.kind);
  const fd = peer.requests.find(({ request }) => request === setBackendReqFd)?.descriptors[0] ?? -1;
  return { port, peer, session, fd };
};

/** Sends a request as the back-end would and lets the port see it; returns what came back. */
const request = ({ port, session, fd }: Peered, id: number, payload: Uint8Array): number[] => {
  const before = session.messages.backEndRequests.length;
  const bytes = messageBytes(id, needReply, payload);
  sendMessage(fd, bytes, 0, bytes.length, null, 0, deadlineIn(1000));
  port.until(() => session.messages.backEndRequests.length > before, 1000);
  const reply = new Uint8Array(64);
  const length = receiveMessage(fd, reply, 0, 64, null, 0, new Int32Array(3));
  return length < 0 ? [] : [...new Uint32Array(reply.buffer, 0, 3), ...reply.subarray(12, length)];
};

const state = (index: number): Uint8Array => new Uint8Array(Uint32Array.of(index, 0).buffer);

t.test('requests are served, refused, withheld or answered by a script', (t) => {
  const empty = new Uint8Array(0);
  const served = open(t, { kind: 'serve' });
  t.same(request(served, backendConfigChange, empty), [backendConfigChange, 5, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
  t.same(request(served, 99, empty), [99, 5, 8, 1, 0, 0, 0, 0, 0, 0, 0], 'what is unknown is refused');
  t.match(served.session.messages.backEndRequests, [
    { request: backendConfigChange, flags: needReply },
    { request: 99 },
  ]);
  t.same(request(open(t, { kind: 'refuse' }), backendConfigChange, empty)[3], 1);
  t.same(request(open(t, { kind: 'withhold' }), backendConfigChange, empty), []);
  const seen: number[] = [];
  const scripted = open(t, {
    kind: 'script',
    answer: (message) => {
      seen.push(message.request);
      return message.request === 99 ? 'withhold' : 0x0102n;
    },
  });
  t.same(request(scripted, backendConfigChange, empty).slice(3), [2, 1, 0, 0, 0, 0, 0, 0]);
  t.same(request(scripted, 99, empty), []);
  t.same(seen, [backendConfigChange, 99]);
  t.same(served.session.messages.exchange({ request: 17 }).kind, 'reply', 'the main socket goes on');
  const channels = served.port.log.events().flatMap((event) => (event.kind === 'message' ? [event.channel] : []));
  t.equal(channels.filter((channel) => channel === 'back-end').length, 4, 'both directions are in the one log');
  t.end();
});

t.test('calls and errors that come as messages count as such', (t) => {
  const peered = open(t, { kind: 'serve' });
  const guest = peered.port.createGuest(defaultGuestLayout);
  peered.session.shareMemory(guest);
  const queue = peered.session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 3 });
  t.equal(queue.calls(), 0);
  request(peered, backendVringCall, state(3));
  request(peered, backendVringCall, state(2));
  request(peered, backendVringErr, state(3));
  t.equal(queue.calls(), 1);
  t.equal(queue.errors(), 1);
  t.equal(queue.drainCalls(), 1);
  t.equal(queue.calls(), 0);
  t.end();
});

t.test('behind an IOMMU addresses are I/O-virtual, and misses are served', (t) => {
  const peered = open(t, { kind: 'serve' }, accessPlatform);
  const { peer, port, session } = peered;
  const guest = port.createGuest(defaultGuestLayout);
  session.shareMemory(guest);
  const ring = guest.ring({ layout: 'split', size: 16 });
  session.attach(ring, { index: 0 });
  session.messages.fence();
  const [region] = guest.regions;
  const updates = (): PeerRequest[] => peer.requests.filter((message) => message.request === iotlbMsg);
  t.equal(updates().length, guest.regions.length, 'each region is made known');
  const update = new DataView(updates()[0]?.payload.buffer ?? new ArrayBuffer(32));
  t.equal(update.getBigUint64(0, true), region?.ioVirtualAddress);
  t.equal(update.getBigUint64(8, true), BigInt(region?.size ?? 0));
  t.equal(update.getBigUint64(16, true), region?.userAddress);
  t.same([update.getUint8(24), update.getUint8(25)], [3, 2]);
  const address = peer.requests.find((message) => message.request === 9);
  const fields = new DataView(address?.payload.buffer ?? new ArrayBuffer(40));
  t.equal(fields.getBigUint64(8, true), ring.desc.ioVirtualAddress);
  const miss = new Uint8Array(32);
  new DataView(miss.buffer).setBigUint64(0, (region?.ioVirtualAddress ?? 0n) + 100n, true);
  miss[25] = 1;
  t.equal(request(peered, backendIotlbMsg, miss)[3], 0);
  session.messages.fence();
  t.equal(updates().length, guest.regions.length + 1);
  t.equal(request(peered, backendIotlbMsg, new Uint8Array(32).fill(1, 25, 26))[3], 1, 'nothing lies at 0');
  t.end();
});

t.test('a channel whose other end is closed is closed, and nothing else', (t) => {
  const { peer, session, port } = open(t, { kind: 'serve' });
  const before = peer.requests.length;
  t.equal(session.messages.openBackEndChannel({ kind: 'refuse' }).kind, 'done', 'a second takes its place');
  t.ok(peer.requests.length > before);
  t.equal(session.messages.fence().kind, 'reply');
  t.ok(session.isOpen);
  t.ok(port.releaseAll() >= 1);
  t.end();
});

t.test('a flood of requests whose replies are not read is taken in bounded time and memory', (t) => {
  const { port, session, fd } = open(t, { kind: 'serve' });
  const one = messageBytes(backendConfigChange, needReply, new Uint8Array(0));
  const many = new Uint8Array(one.length * 1000);
  for (let n = 0; n < 1000; n++) many.set(one, n * one.length);
  const began = performance.now();
  for (let round = 0; round < 100; round++) {
    sendMessage(fd, many, 0, many.length, null, 0, deadlineIn(0));
    port.until(() => false, 1);
  }
  t.ok(performance.now() - began < 10_000);
  t.ok(session.messages.backEndRequests.length <= 4096);
  t.equal(session.messages.fence(1000).kind, 'reply', 'the other channel is served');
  t.end();
});
