import t from 'tap';
import { hasOwnReply, isGateOpen, type NegotiatedContext } from '../wire/message-description.ts';
import { bit, hasBit, vhostUserProtocolFeatures } from '../wire/vhost-user-constants.ts';
import {
  backEndMessages,
  frontEndMessages,
  messageById,
  messageByName,
  requestId,
} from '../wire/vhost-user-messages.ts';

t.test('ids are 1 to 45 and 1 to 10, without a gap', async (t) => {
  t.same(
    frontEndMessages.map(({ id }) => id),
    Array.from({ length: 45 }, (_, i) => i + 1),
  );
  t.same(
    backEndMessages.map(({ id }) => id),
    Array.from({ length: 10 }, (_, i) => i + 1),
  );
});

t.test('messages are found by id and by name, in their direction only', async (t) => {
  for (const message of [...frontEndMessages, ...backEndMessages]) {
    t.equal(messageById(message.direction, message.id), message);
    t.equal(messageByName(message.name), message);
    t.equal(requestId[message.name], message.id);
  }
  for (const id of [0, 46, 0xffff_ffff]) {
    t.equal(messageById('front-end', id), undefined);
  }
  t.equal(messageById('back-end', 11), undefined);
});

t.test('every protocol feature bit is known once', async (t) => {
  t.same(
    Object.values(vhostUserProtocolFeatures),
    Array.from({ length: 24 }, (_, i) => i),
  );
});

t.test('names of the messages and of the features that they hang on', async (t) => {
  t.ok([...frontEndMessages].every(({ name }) => /^VHOST_USER_[A-Z_]+$/.test(name)));
  t.ok([...backEndMessages].every(({ name }) => /^VHOST_USER_BACKEND_[A-Z_]+$/.test(name)));
  t.equal(messageByName('VHOST_USER_SET_BACKEND_REQ_FD').previousName, 'VHOST_USER_SET_SLAVE_REQ_FD');
  t.same(
    messageByName('VHOST_USER_NET_SET_MTU').gate.map(({ feature }) => feature),
    ['VHOST_USER_PROTOCOL_F_MTU', 'VIRTIO_NET_F_MTU'],
  );
});

t.test('messages of the newest text', async (t) => {
  t.same(
    [...frontEndMessages, ...backEndMessages].filter(({ newestOnly }) => newestOnly).map(({ name }) => name),
    ['VHOST_USER_GET_VRING_BASE_SKIP_DRAIN'],
  );
});

t.test('own replies that depend on the session', async (t) => {
  const logBase = messageByName('VHOST_USER_SET_LOG_BASE');
  t.equal(hasOwnReply(logBase, {}), undefined);
  t.equal(hasOwnReply(logBase, { protocolFeatures: 0n }), false);
  t.equal(hasOwnReply(logBase, { protocolFeatures: 2n }), true);
  const memory = messageByName('VHOST_USER_SET_MEM_TABLE');
  t.equal(hasOwnReply(memory, {}), undefined);
  t.equal(hasOwnReply(memory, { isPostcopyListening: true }), true);
  t.equal(hasOwnReply(messageByName('VHOST_USER_GET_FEATURES'), {}), true);
  t.equal(hasOwnReply(messageByName('VHOST_USER_SET_FEATURES'), {}), false);
});

t.test('a gate is open, closed or not known', async (t) => {
  const [offered] = messageByName('VHOST_USER_GET_PROTOCOL_FEATURES').gate;
  const [negotiated] = messageByName('VHOST_USER_SET_VRING_ENABLE').gate;
  const context: NegotiatedContext = { offeredFeatures: bit(30), features: 0n };
  t.equal(offered && isGateOpen(offered, context), true);
  t.equal(negotiated && isGateOpen(negotiated, context), false);
  t.equal(negotiated && isGateOpen(negotiated, {}), undefined);
  t.ok(hasBit(bit(63), 63));
});
