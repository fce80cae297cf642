import type { OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import { refusalOf, stillServes } from './refusal.ts';
import { RingByHand } from './ring-by-hand.ts';
import { addressesOf, getBase, setAddresses, setBase, setDescriptor, setEnable, setNum } from './ring-messages.ts';

/** Sizes and numbers of rings that no ring can have. What is refused, and what must at least be lived through. */

const transports = ['vhost-user'] as const;
const acknowledged = { start: 'closed', transports, negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'] } as const;

const badSizes = [0, 3, 5, 6, 100, 255, 257, 32767, 32769, 65535, 65536, 0x10_0000, 0x8000_0000, 0xffff_ffff];
/** No ring has these numbers: a back-end has at most 256 rings, and tells of fewer. */
const farIndices = [256, 257, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

export const badSizesRefused = defineCase({
  id: 'vhost-user/vring-limits/bad-sizes-are-refused',
  title: 'SET_VRING_NUM with 0, no power of two, or more than 32768 is refused',
  proves: {
    'vu-vring/bad-ring-size-refused': [
      'ring-size-zero-accepted',
      'ring-size-not-power-of-two-accepted',
      'ring-size-too-large-accepted',
    ],
  },
  applies: { ...acknowledged, ring: 'none' },
  run({ port, connect, driverOf, points, requirement }) {
    const check = requirement('vu-vring/bad-ring-size-refused');
    const all = badSizes.map((size) => ({ key: `size=${size}`, size }));
    points(all, ({ key, size }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const refusal = refusalOf(session, setNum(driver.queueIndex, size), check, key, () => false);
      if (refusal !== undefined) check.refused(refusal, `SET_VRING_NUM with ${key}`);
      stillServes(port, session, check, `service after ${key}`);
      session.close();
    });
  },
});

export const badSizesSurvived = defineCase({
  id: 'vhost-user/vring-limits/ring-of-bad-size-does-no-harm',
  title: 'a ring that is started and kicked after SET_VRING_NUM with a bad size does not bring the back-end down',
  proves: { 'vu-vring/bad-ring-size-refused': 'ring-size-crashes' },
  applies: acknowledged,
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-vring/bad-ring-size-refused');
    const all = badSizes.map((size) => ({ key: `size=${size}`, size }));
    points(all, ({ key, size }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      driver.companions();
      const hand = new RingByHand(port, session, ring({ size: 256 }), { index: driver.queueIndex });
      hand.makeAvailable(driver.request({ seed: 1 }).segments, driver.request({ seed: 2 }).segments);
      session.messages.send(setNum(hand.index, size));
      hand.tell('base', 'addresses', 'call', 'error', 'kick', 'enable');
      hand.kick();
      session.messages.fence();
      if (session.isOpen) getBase(session, hand.index);
      stillServes(port, session, check, `service after a ring with ${key} was started`);
      session.close();
    });
  },
});

/** Every message that names a ring in 32 bits, except GET_VRING_BASE. */
const wordMessages = (session: VhostUserSession, index: number): readonly (readonly [string, OutgoingMessage])[] => [
  ['SET_VRING_NUM', setNum(index, 16)],
  ['SET_VRING_BASE', setBase(index, 0)],
  ['SET_VRING_ADDR', setAddresses(index, { descriptor: 0n, available: 0n, used: 0n, flags: 0, log: 0n })],
  ...((session.negotiated.accepted.device >> 30n) & 1n ? [['SET_VRING_ENABLE', setEnable(index, 1)] as const] : []),
];

export const farIndicesRefused = defineCase({
  id: 'vhost-user/vring-limits/ring-numbers-no-ring-can-have-are-refused',
  title: 'a message that names a ring in 32 bits is refused for 256 and more',
  proves: { 'vu-vring/ring-index-out-of-range-refused': ['bad-ring-index-taken-modulo', 'bad-ring-index-crashes'] },
  applies: acknowledged,
  run({ port, connect, ring, points, requirement }) {
    const check = requirement('vu-vring/ring-index-out-of-range-refused');
    const vring = ring({ size: 16 });
    const names = ['SET_VRING_NUM', 'SET_VRING_BASE', 'SET_VRING_ADDR', 'SET_VRING_ENABLE'];
    const all = names.flatMap((name) => farIndices.map((index) => ({ key: `${name},index=${index}`, name, index })));
    points(all, ({ key, name, index }) => {
      const session = connect('negotiated');
      const messages = new Map(wordMessages(session, index));
      messages.set('SET_VRING_ADDR', setAddresses(index, addressesOf(vring)));
      const message = messages.get(name);
      if (message === undefined) return;
      const refusal = refusalOf(session, message, check, key, () => false);
      if (refusal !== undefined) check.refused(refusal, key);
      stillServes(port, session, check, `service after ${key}`);
      session.close();
    });
  },
});

export const nearIndicesRefused = defineCase({
  id: 'vhost-user/vring-limits/ring-numbers-past-the-number-of-queues-are-refused',
  title: 'SET_VRING_NUM, KICK, CALL and ERR are refused for the ring behind the last that GET_QUEUE_NUM allows',
  proves: { 'vu-vring/ring-index-out-of-range-refused': 'bad-ring-index-taken-modulo' },
  applies: {
    ring: 'none',
    start: 'closed',
    transports,
    negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK', 'VHOST_USER_PROTOCOL_F_MQ'],
  },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-vring/ring-index-out-of-range-refused');
    const probe = connect('negotiated');
    const answer = check.reply(probe.messages.exchange({ request: 'VHOST_USER_GET_QUEUE_NUM' }), 'GET_QUEUE_NUM');
    probe.close();
    // Some count queues of a network device, some pairs: twice the number is past the last ring for both.
    const told = new DataView(answer.payload.buffer, answer.payload.byteOffset).getUint32(0, true);
    const count = port.facts.device === 'net' ? told * 2 : told;
    const all = [count, 127, 128, 255]
      .filter((index, at, list) => index >= count && list.indexOf(index) === at)
      // A descriptor's message has eight bits for the ring.
      .flatMap((index) => (index < 256 ? ['NUM', 'KICK', 'CALL', 'ERR'] : ['NUM']).map((what) => ({ what, index })))
      .map(({ what, index }) => ({ key: `${what},index=${index}`, what, index }));
    points(all, ({ key, what, index }) => {
      const session = connect('negotiated');
      const fd = port.descriptors.eventfd();
      const message = what === 'NUM' ? setNum(index, 16) : setDescriptor(what as 'KICK' | 'CALL' | 'ERR', index, fd);
      const refusal = refusalOf(session, message, check, key, () => false);
      if (refusal !== undefined) check.refused(refusal, `SET_VRING_${key}, of ${count} rings`);
      stillServes(port, session, check, `service after SET_VRING_${key}`);
      session.close();
      port.descriptors.close(fd);
    });
  },
});

export const baseOfNoRing = defineCase({
  id: 'vhost-user/vring-limits/base-of-a-ring-that-cannot-be-is-not-told',
  title: 'GET_VRING_BASE for 256 and more is refused, which for a message with a reply of its own means closing',
  proves: { 'vu-vring/ring-index-out-of-range-refused': 'bad-ring-index-taken-modulo' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-vring/ring-index-out-of-range-refused');
    const all = farIndices.map((index) => ({ key: `index=${index}`, index }));
    points(all, ({ key, index }) => {
      const session = connect('negotiated');
      session.messages.send({ request: 'VHOST_USER_GET_VRING_BASE', payload: { index, num: 0 } });
      const next = session.messages.exchange({ request: 'VHOST_USER_GET_FEATURES' });
      if (next.kind === 'closed') check.refused('closed connection', key);
      else if (next.kind !== 'reply') check.failsBy(next, `GET_VRING_BASE with ${key}`, 'a refusal');
      else check.equal(next.message.request, 1, `the request that is answered behind GET_VRING_BASE with ${key}`);
      session.close();
      stillServes(port, session, check, `service after GET_VRING_BASE with ${key}`);
    });
  },
});
