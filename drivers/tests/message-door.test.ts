import { readdirSync } from 'node:fs';
import t from 'tap';
import { featureSet } from '../../reference-impl/catalogue/feature-set.ts';
import type { ObservedEvent } from '../../reference-impl/observations/event.ts';
import { DriverUsageError, PeerProtocolError, UnansweredError } from '../errors.ts';
import { eventfdCreate } from '../native/native.ts';
import type { VhostUserSession } from '../port/port.ts';
import type { VhostUserPort } from '../vhost-user/vhost-user-port.ts';
import { messageBytes, type PeerRequest, ScriptedPeer, scriptedPort } from './scripted-peer.ts';

const getFeatures = 1;
const setFeatures = 2;
const setOwner = 3;
const getProtocolFeatures = 15;
const setProtocolFeatures = 16;
const getQueueNum = 17;
const replyAck = 1n << 3n;
const offered = (1n << 32n) | (1n << 30n);

/** Answers as a back-end should that knows REPLY_ACK. */
const wellBehaved = (peer: ScriptedPeer) => (request: PeerRequest) => {
  if (request.request === getFeatures) peer.sendU64(getFeatures, offered);
  else if (request.request === getProtocolFeatures) peer.sendU64(getProtocolFeatures, replyAck);
  else if (request.request === getQueueNum) peer.sendU64(getQueueNum, 2n);
  else if ((request.flags & 8) !== 0) peer.sendU64(request.request, 0n);
};

const connected = (test: { teardown(handler: () => void): void }): [VhostUserPort, ScriptedPeer, VhostUserSession] => {
  const peer = new ScriptedPeer();
  peer.answer = wellBehaved(peer);
  const port = scriptedPort(peer);
  test.teardown(() => {
    port.close();
    peer.close();
  });
  const connection = port.connect();
  if (connection.kind === 'refused') throw new Error(connection.why);
  return [port, peer, connection.session];
};

const notes = (port: VhostUserPort): string[] =>
  port.log.events().flatMap((event: ObservedEvent) => (event.kind === 'note' ? [event.text] : []));

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

t.test('negotiation asks, takes the intersection and says it', (t) => {
  const [, peer, session] = connected(t);
  const words = session.negotiate({ device: (1n << 32n) | (1n << 5n), protocol: ~0n & 0xffn });
  t.same(words, {
    offered: featureSet({ device: offered, protocol: replyAck }),
    accepted: featureSet({ device: 1n << 32n, protocol: replyAck }),
  });
  t.same(session.messages.fence().kind, 'reply');
  t.same(
    peer.requests.map(({ request }) => request),
    [setOwner, getFeatures, getProtocolFeatures, setProtocolFeatures, setFeatures, getFeatures],
  );
  t.equal(session.desync, undefined);
  t.end();
});

t.test('acknowledged asks for the acknowledgement once REPLY_ACK is negotiated, and fences before', (t) => {
  const [, peer, session] = connected(t);
  t.same(session.messages.acknowledged({ request: 'VHOST_USER_SET_OWNER' }), { kind: 'done', by: 'fence' });
  session.negotiate({ device: offered, protocol: replyAck });
  t.same(session.messages.acknowledged({ request: 'VHOST_USER_SET_OWNER' }), { kind: 'done', by: 'acknowledgement' });
  t.equal(peer.requests.at(-1)?.flags, 9);
  peer.answer = (request) => peer.sendU64(request.request, 5n);
  t.same(session.messages.acknowledged({ request: 'VHOST_USER_SET_OWNER' }), {
    kind: 'refused',
    by: 'acknowledgement',
    value: 5n,
  });
  peer.answer = (request) => peer.send(request.request, new Uint8Array(4));
  t.throws(() => session.messages.acknowledged({ request: 'VHOST_USER_SET_OWNER' }), PeerProtocolError);
  t.end();
});

t.test('the feature words are also read off the raw door', (t) => {
  const [, , session] = connected(t);
  const { messages } = session;
  messages.exchange({ request: 'VHOST_USER_GET_FEATURES' });
  messages.exchange({ request: getProtocolFeatures });
  messages.send({ request: setFeatures, payload: { u64: 1n << 30n } });
  messages.send({ request: 'VHOST_USER_SET_PROTOCOL_FEATURES', payload: { u64: replyAck }, declaredSize: 4 });
  t.equal(session.negotiated.accepted.protocol, 0n, 'a malformed message negotiates nothing');
  messages.send({ request: 'VHOST_USER_SET_PROTOCOL_FEATURES', payload: { u64: replyAck } });
  t.same(session.negotiated, {
    offered: featureSet({ device: offered, protocol: replyAck }),
    accepted: featureSet({ device: 1n << 30n, protocol: replyAck }),
  });
  t.end();
});

t.test('a reply after its deadline is not taken for the next one', (t) => {
  const [port, peer, session] = connected(t);
  const { messages } = session;
  peer.answer = () => undefined;
  t.same(messages.exchange({ request: getQueueNum }, 50), { kind: 'silent', waitedMs: 50 });
  t.equal(session.desync, undefined, 'nothing came, so nothing is out of step');
  t.equal(session.unanswered, 'VHOST_USER_GET_QUEUE_NUM');
  peer.answer = wellBehaved(peer);
  peer.sendU64(getQueueNum, 77n);
  const fence = messages.fence();
  t.equal(fence.kind === 'reply' && fence.message.request, getFeatures);
  t.equal(session.desync, undefined, 'late is not out of step');
  t.equal(session.unanswered, undefined);
  t.match(notes(port).at(-1), /VHOST_USER_GET_QUEUE_NUM came when nothing waited for it any more/);
  t.end();
});

t.test('two exchanges of one kind: the first reply pays the first debt', (t) => {
  const [, peer, session] = connected(t);
  const { messages } = session;
  peer.answer = () => undefined;
  t.equal(messages.exchange({ request: getQueueNum }, 20).kind, 'silent');
  peer.answer = () => {
    peer.sendU64(getQueueNum, 1n);
    peer.sendU64(getQueueNum, 2n);
  };
  const second = messages.exchange({ request: getQueueNum });
  t.equal(second.kind === 'reply' && second.message.payload[0], 2);
  t.equal(session.desync, undefined);
  t.end();
});

t.test('receive gives the late reply itself', (t) => {
  const [, peer, session] = connected(t);
  peer.answer = () => undefined;
  t.equal(session.messages.exchange({ request: getQueueNum }, 20).kind, 'silent');
  peer.sendU64(getQueueNum, 9n);
  const late = session.messages.receive(100);
  t.equal(late.kind === 'reply' && late.message.payload[0], 9);
  t.end();
});

t.test('an answer without a request', (t) => {
  const [, peer, session] = connected(t);
  const { messages } = session;
  peer.answer = (request) => peer.sendU64(request.request, offered);
  messages.send({ request: setOwner });
  const next = messages.exchange({ request: getFeatures });
  t.equal(next.kind === 'reply' && next.message.request, setOwner, 'exchange gives the next message, whatever it is');
  messages.send({ request: setOwner });
  const fence = messages.fence();
  t.equal(fence.kind === 'reply' && fence.message.request, getFeatures, 'a fence waits for its own');
  t.match(session.desync, /VHOST_USER_/);
  t.end();
});

t.test('silence, a closed connection and a cut message are values', (t) => {
  const [port, peer, session] = connected(t);
  peer.answer = () => peer.sendBytes(messageBytes(getFeatures, 5, new Uint8Array(8)).subarray(0, 15));
  t.same(session.messages.exchange({ request: getFeatures }, 50), { kind: 'silent', waitedMs: 50 });
  t.match(session.desync, /15 bytes/);
  peer.answer = () => peer.close();
  t.same(session.messages.exchange({ request: getFeatures }), { kind: 'closed' });
  t.notOk(session.isOpen);
  t.same(session.messages.exchange({ request: getFeatures }), { kind: 'closed' });
  t.equal(session.messages.send({ request: getFeatures }), 'closed');
  const closed = port.log.events().find((event) => event.kind === 'connection' && event.state === 'closed-by-iut');
  t.match(closed?.kind === 'connection' && closed.detail, /3 of 8 bytes came/);
  t.end();
});

t.test('a reply and the end of the connection at once: the reply comes first', (t) => {
  const [, peer, session] = connected(t);
  peer.answer = () => {
    peer.sendU64(getFeatures, 4n);
    peer.close();
  };
  t.equal(session.messages.exchange({ request: getFeatures }).kind, 'reply');
  t.equal(session.messages.receive(100).kind, 'closed');
  t.end();
});

t.test('a header that declares more than can be', (t) => {
  const [, peer, session] = connected(t);
  peer.answer = () => peer.sendBytes(messageBytes(getFeatures, 5, new Uint8Array(8), 0xffff_ffff));
  const answer = session.messages.exchange({ request: getFeatures });
  t.equal(answer.kind === 'reply' && answer.message.size, 0xffff_ffff);
  t.equal(answer.kind === 'reply' && answer.message.payload.length, 0);
  t.match(session.desync, /size-beyond-limit/);
  t.throws(() => session.messages.receive(20), PeerProtocolError);
  t.ok(session.isOpen, 'the peer did not refuse anything');
  t.end();
});

t.test('any bytes, in any pieces, with any descriptors', (t) => {
  const [port, peer, session] = connected(t);
  const { messages } = session;
  const { descriptors } = port;
  const three = [descriptors.eventfd(), descriptors.memoryFile(4096), descriptors.nullDevice()];
  messages.send({
    request: 'VHOST_USER_SET_VRING_KICK',
    payload: { u64: 1n },
    flags: 0x2d,
    pieces: [1, 2, 3],
    descriptors: three,
    descriptorsInPiece: 1,
  });
  messages.fence();
  const kick = peer.requests[0];
  t.match(kick, { request: 12, flags: 0x2d });
  t.same(kick?.payload, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  t.equal(kick?.descriptors.length, 3);
  messages.send({ request: 99, payload: Uint8Array.of(1, 2, 3), declaredSize: 2, truncateTo: 14 });
  messages.fence();
  t.match(peer.requests[2], { request: 99, payload: Uint8Array.of(1, 2) });
  messages.sendBytes(messageBytes(getQueueNum, 1, new Uint8Array(0)), three.slice(0, 1));
  t.equal(messages.receive().kind, 'reply');
  t.equal(peer.requests.at(-1)?.descriptors.length, 1);
  t.throws(() => messages.send({ request: 'VHOST_USER_NOTHING' }), DriverUsageError);
  t.throws(() => messages.send({ request: 99, payload: { u64: 1n } }), DriverUsageError);
  t.throws(() => messages.send({ request: setFeatures, payload: { wrong: 1n } }), DriverUsageError);
  t.throws(() => messages.send({ request: setOwner, descriptors: new Array(254).fill(three[0]) }), DriverUsageError);
  t.end();
});

t.test('received descriptors belong to the port and are given back', (t) => {
  const [port, peer, session] = connected(t);
  const before = openDescriptors();
  const sent = [eventfdCreate(), eventfdCreate()];
  port.descriptors.adopt(sent);
  peer.answer = () => peer.send(getQueueNum, new Uint8Array(8), sent);
  const answer = session.messages.exchange({ request: getQueueNum });
  t.equal(answer.kind === 'reply' && answer.message.descriptors.length, 2);
  t.equal(openDescriptors(), before + 4);
  peer.close();
  const eventfd = port.descriptors.eventfd();
  port.descriptors.signal(eventfd);
  t.equal(port.descriptors.read(eventfd), 1);
  t.equal(port.descriptors.read(eventfd), 0);
  port.createGuest({ name: 'none', regions: [] });
  t.equal(port.releaseAll(), 7, 'one session, one guest, five descriptors');
  t.equal(openDescriptors(), before - 2);
  t.equal(port.releaseAll(), 0);
  t.throws(() => port.descriptors.signal(eventfd), DriverUsageError);
  t.end();
});

t.test('what the other side does not do in a negotiation is thrown', (t) => {
  const [, silent, session] = connected(t);
  silent.answer = () => undefined;
  t.throws(() => session.negotiate({}), UnansweredError);
  t.equal(session.unanswered, 'VHOST_USER_GET_FEATURES');
  const [, closing, second] = connected(t);
  closing.answer = () => closing.close();
  t.throws(() => second.negotiate({}), PeerProtocolError);
  const [, short, third] = connected(t);
  short.answer = (request) => short.send(request.request, new Uint8Array(4));
  t.throws(() => third.negotiate({}), PeerProtocolError);
  t.end();
});

t.test('shutdown of our direction is seen by the other side', (t) => {
  const [, , session] = connected(t);
  session.messages.shutdown('write');
  t.not(session.messages.exchange({ request: getFeatures }, 50).kind, 'reply');
  t.end();
});
