import { defineCase } from '../case.ts';
import { refusesMessage } from './refusal.ts';
import { featureBit, leastFeatures, negotiatedWith, protocolBit, wordOf } from './words.ts';

/** Feature bits and protocol feature bits (vhost-user, "Protocol features", GET_FEATURES to SET_PROTOCOL_FEATURES). */

const transports = ['vhost-user'] as const;

export const repeatable = defineCase({
  id: 'vhost-user/features/get-features-is-repeatable',
  title: 'GET_FEATURES answers the same word each time within a session, and in the next one',
  proves: { 'vu-features/get-features-repeatable': 'get-features-drops-a-bit-later' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, connect, requirement }) {
    const check = requirement('vu-features/get-features-repeatable');
    const words: bigint[] = [];
    for (let n = 0; n < 3; n++) words.push(wordOf(check.reply(session.messages.fence(), 'GET_FEATURES')));
    session.close();
    const next = connect('connected');
    words.push(wordOf(check.reply(next.messages.fence(), 'GET_FEATURES in the next session')));
    for (const [at, word] of words.entries()) check.equal(word, words[0], `answer ${at}`);
  },
});

export const protocolFeaturesFirst = defineCase({
  id: 'vhost-user/features/protocol-features-before-set-features',
  title: 'GET and SET_PROTOCOL_FEATURES work before SET_FEATURES',
  proves: { 'vu-features/protocol-features-before-set-features': 'protocol-features-only-after-set-features' },
  applies: {
    ring: 'none',
    start: 'connected',
    transports,
    offers: ['VHOST_USER_F_PROTOCOL_FEATURES', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  },
  run({ session, requirement }) {
    const check = requirement('vu-features/protocol-features-before-set-features');
    // Both are legal where its answer has bit 30.
    check.reply(session.messages.fence(), 'GET_FEATURES');
    const offered = check.reply(
      session.messages.exchange({ request: 'VHOST_USER_GET_PROTOCOL_FEATURES' }),
      'the offer',
    );
    check.equal(offered.request, 15, 'the request that was answered');
    session.messages.send({ request: 'VHOST_USER_SET_PROTOCOL_FEATURES', payload: { u64: 1n << 3n } });
    // Taken effect: REPLY_ACK makes the next message answered.
    const answer = check.reply(
      session.messages.exchange({ request: 'VHOST_USER_SET_OWNER', flags: 1 | 8 }),
      'the acknowledgement of SET_OWNER',
    );
    check.equal(answer.request, 3, 'the request that was acknowledged');
  },
});

export const protocolFeaturesUnacknowledged = defineCase({
  id: 'vhost-user/features/protocol-features-without-acknowledging-them',
  title: 'protocol features work even when bit 30 is left out of SET_FEATURES',
  proves: {
    'vu-features/protocol-features-without-acknowledging-them': 'protocol-features-dropped-without-bit-30',
  },
  applies: {
    ring: 'none',
    start: 'connected',
    transports,
    offers: ['VHOST_USER_F_PROTOCOL_FEATURES', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  },
  run({ port, session, requirement }) {
    const check = requirement('vu-features/protocol-features-without-acknowledging-them');
    const offered = wordOf(check.reply(session.messages.fence(), 'GET_FEATURES'));
    const without = offered & leastFeatures(port) & ~featureBit.PROTOCOL_FEATURES;
    session.messages.send({ request: 'VHOST_USER_SET_PROTOCOL_FEATURES', payload: { u64: 1n << 3n } });
    session.messages.send({ request: 'VHOST_USER_SET_OWNER' });
    session.messages.send({ request: 'VHOST_USER_SET_FEATURES', payload: { u64: without } });
    const again = check.reply(
      session.messages.exchange({ request: 'VHOST_USER_GET_PROTOCOL_FEATURES' }),
      'GET_PROTOCOL_FEATURES after SET_FEATURES without bit 30',
    );
    check.equal(again.request, 15, 'the request that was answered');
    const answer = check.reply(
      session.messages.exchange({ request: 'VHOST_USER_SET_VRING_NUM', payload: { index: 0, num: 16 }, flags: 1 | 8 }),
      'the acknowledgement of SET_VRING_NUM',
    );
    check.equal(answer.request, 8, 'the request that was acknowledged');
  },
});

export const oldFrontEnd = defineCase({
  id: 'vhost-user/features/front-end-without-protocol-features-is-served',
  title: 'a front-end that never speaks of protocol features gets its buffers used',
  proves: { 'vu-features/front-end-without-protocol-features-served': 'old-front-end-not-served' },
  applies: { start: 'negotiated', transports, without: ['VHOST_USER_F_PROTOCOL_FEATURES'] },
  run({ driver, ring, requirement }) {
    const check = requirement('vu-features/front-end-without-protocol-features-served');
    const queue = driver.attach(ring({ size: 16 }));
    queue.makeAvailable([driver.request().segments]);
    check.equal(queue.kickAndWaitForUsed(1).length, 1, 'used elements');
  },
});

export const unofferedRefused = defineCase({
  id: 'vhost-user/features/unoffered-features-are-refused',
  title: 'SET_FEATURES with one bit that was not offered is refused',
  proves: { 'vu-features/unoffered-features-refused': 'unoffered-features-accepted' },
  applies: { start: 'closed', transports, offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'], ring: 'none' },
  run(context) {
    const { port, connect, points, requirement } = context;
    const check = requirement('vu-features/unoffered-features-refused');
    const open = () => negotiatedWith(port, connect('connected'), protocolBit.REPLY_ACK);
    const { offered, accepted } = open().negotiated;
    const setFeatures = (u64: bigint) => ({ request: 'VHOST_USER_SET_FEATURES', payload: { u64 } });
    const all = bitsMissingIn(offered.device).map((bit) => ({ key: `bit=${bit}`, bit }));
    points(all, ({ key, bit }) => {
      refusesMessage(context, check, {
        what: `SET_FEATURES with ${key}, which is not offered`,
        open,
        flawed: setFeatures(accepted.device | (1n << BigInt(bit))),
        sound: setFeatures(accepted.device),
      });
    });
  },
});

export const unofferedProtocolRefused = defineCase({
  id: 'vhost-user/features/unoffered-protocol-features-are-refused',
  title: 'SET_PROTOCOL_FEATURES with one bit that was not offered is refused',
  proves: {
    'vu-features/unoffered-protocol-features-refused': [
      'unoffered-protocol-features-accepted',
      'unoffered-protocol-features-crash',
    ],
  },
  applies: { start: 'closed', transports, offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'], ring: 'none' },
  run(context) {
    const { port, connect, points, requirement } = context;
    const check = requirement('vu-features/unoffered-protocol-features-refused');
    const open = () => negotiatedWith(port, connect('connected'), protocolBit.REPLY_ACK);
    const { offered, accepted } = open().negotiated;
    const setFeatures = (u64: bigint) => ({ request: 'VHOST_USER_SET_PROTOCOL_FEATURES', payload: { u64 } });
    const all = bitsMissingIn(offered.protocol).map((bit) => ({ key: `bit=${bit}`, bit }));
    points(all, ({ key, bit }) => {
      refusesMessage(context, check, {
        what: `SET_PROTOCOL_FEATURES with ${key}, which is not offered`,
        open,
        flawed: setFeatures(accepted.protocol | (1n << BigInt(bit))),
        sound: setFeatures(accepted.protocol),
      });
    });
  },
});

export const setAgain = defineCase({
  id: 'vhost-user/features/set-features-is-repeatable',
  title: 'SET_FEATURES with the same word again, before rings run and while they do, changes nothing',
  proves: { 'vu-features/set-features-repeatable': 'second-set-features-refused' },
  applies: { start: 'negotiated', transports, negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'] },
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-features/set-features-repeatable');
    const message = { request: 'VHOST_USER_SET_FEATURES', payload: { u64: session.negotiated.accepted.device } };
    check.accepted(session.messages.acknowledged(message), 'SET_FEATURES again');
    const queue = driver.attach(ring({ size: 16 }));
    check.equal(driver.once(queue), undefined, 'what is wrong with a request');
    check.accepted(session.messages.acknowledged(message), 'SET_FEATURES while the ring runs');
    check.equal(driver.once(queue, { seed: 2 }), undefined, 'what is wrong with a request on the same ring then');
  },
});

export const mqOffered = defineCase({
  id: 'vhost-user/features/mq-is-offered',
  title: 'a back-end that has protocol features offers MQ, whatever its number of queues',
  proves: { 'vu-features/mq-always-offered': 'mq-not-offered' },
  applies: { start: 'connected', transports, offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-features/mq-always-offered');
    const answer = session.messages.exchange({ request: 'VHOST_USER_GET_PROTOCOL_FEATURES' });
    const offered = wordOf(check.reply(answer, 'GET_PROTOCOL_FEATURES'));
    check.equal(offered & 1n, 1n, 'bit 0, VHOST_USER_PROTOCOL_F_MQ');
  },
});

/** The bits below 64 that are clear in the word. */
function bitsMissingIn(word: bigint): number[] {
  return Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => ((word >> BigInt(bit)) & 1n) === 0n);
}
