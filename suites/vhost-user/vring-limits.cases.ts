import type { OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import type { Attempt } from '../../judging/refusal.ts';
import { defineCase } from '../case.ts';
import { answerBeforeFence, refusesMessage, stillServes } from './refusal.ts';
import { RingByHand } from './ring-by-hand.ts';
import {
  addressesOf,
  getBase,
  setAddresses,
  setBase,
  setDescriptor,
  setEnable,
  setNum,
  tellRing,
} from './ring-messages.ts';
import { wordOf } from './words.ts';

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
  run(context) {
    const { connect, points, requirement } = context;
    const check = requirement('vu-vring/bad-ring-size-refused');
    const { queueIndex } = context.port.facts.workload;
    const all = badSizes.map((size) => ({ key: `size=${size}`, size }));
    points(all, ({ key, size }) => {
      refusesMessage(context, check, {
        what: `SET_VRING_NUM with ${key}`,
        open: () => connect('negotiated'),
        flawed: setNum(queueIndex, size),
        sound: setNum(queueIndex, 256),
      });
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

export const farIndicesRefused = defineCase({
  id: 'vhost-user/vring-limits/ring-numbers-no-ring-can-have-are-refused',
  title: 'a message that names a ring in 32 bits is refused for 256 and more',
  proves: { 'vu-vring/ring-index-out-of-range-refused': ['bad-ring-index-taken-modulo', 'bad-ring-index-crashes'] },
  applies: acknowledged,
  run(context) {
    const { connect, port, ring, points, requirement } = context;
    const check = requirement('vu-vring/ring-index-out-of-range-refused');
    const addresses = addressesOf(ring({ size: 16 }));
    const { queueIndex } = port.facts.workload;
    // The protocol features of REPLY_ACK stand behind bit 30, which brings SET_VRING_ENABLE.
    const messages: Readonly<Record<string, (index: number) => OutgoingMessage>> = {
      SET_VRING_NUM: (index) => setNum(index, 16),
      SET_VRING_BASE: (index) => setBase(index, 0),
      SET_VRING_ADDR: (index) => setAddresses(index, addresses),
      SET_VRING_ENABLE: (index) => setEnable(index, 1),
    };
    const all = Object.entries(messages).flatMap(([name, about]) =>
      farIndices.map((index) => ({ key: `${name},index=${index}`, about, index })),
    );
    points(all, ({ key, about, index }) => {
      refusesMessage(context, check, {
        what: key,
        open: () => {
          const session = connect('negotiated');
          session.messages.send(setNum(queueIndex, 16));
          return session;
        },
        flawed: about(index),
        sound: about(queueIndex),
      });
    });
  },
});

export const nearIndicesRefused = defineCase({
  id: 'vhost-user/vring-limits/ring-numbers-past-the-number-of-queues-are-refused',
  title: 'SET_VRING_NUM, KICK, CALL and ERR are refused for the ring behind the last that GET_QUEUE_NUM allows',
  proves: { 'vu-vring/ring-index-out-of-range-refused': 'bad-ring-index-taken-modulo' },
  applies: {
    ring: 'split',
    start: 'closed',
    transports,
    negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK', 'VHOST_USER_PROTOCOL_F_MQ'],
  },
  run(context) {
    const { port, connect, ring, points, requirement } = context;
    const vring = ring({ size: 16 });
    const check = requirement('vu-vring/ring-index-out-of-range-refused');
    const { queueIndex } = port.facts.workload;
    const probe = connect('negotiated');
    const answer = check.reply(probe.messages.exchange({ request: 'VHOST_USER_GET_QUEUE_NUM' }), 'GET_QUEUE_NUM');
    probe.close();
    // Some count queues of a network device, some pairs: twice the number is past the last ring for both.
    const told = Number(wordOf(answer) & 0xffff_ffffn);
    const count = port.facts.device === 'net' ? told * 2 : told;
    const all = [count, 127, 128, 255]
      .filter((index, at, list) => index >= count && list.indexOf(index) === at)
      // A descriptor's message has eight bits for the ring.
      .flatMap((index) => (index < 256 ? ['NUM', 'KICK', 'CALL', 'ERR'] : ['NUM']).map((what) => ({ what, index })))
      .map(({ what, index }) => ({ key: `${what},index=${index}`, what, index }));
    points(all, ({ key, what, index }) => {
      const fd = port.descriptors.eventfd();
      const about = (ring: number): OutgoingMessage =>
        what === 'NUM' ? setNum(ring, 16) : setDescriptor(what as 'KICK' | 'CALL' | 'ERR', ring, fd);
      refusesMessage(context, check, {
        what: `SET_VRING_${key}, of ${count} rings`,
        open: () => {
          const session = connect('negotiated');
          tellRing(session, queueIndex, vring);
          return session;
        },
        flawed: about(index),
        sound: about(queueIndex),
      });
      port.descriptors.close(fd);
    });
  },
});

export const baseOfNoRing = defineCase({
  id: 'vhost-user/vring-limits/base-of-a-ring-that-cannot-be-is-not-told',
  title: 'GET_VRING_BASE for 256 and more is refused, which for a message with a reply of its own means closing',
  proves: { 'vu-vring/ring-index-out-of-range-refused': 'bad-ring-index-taken-modulo' },
  applies: { start: 'closed', transports, ring: 'none' },
  run({ port, connect, points, refusal, requirement }) {
    const check = requirement('vu-vring/ring-index-out-of-range-refused');
    const { queueIndex } = port.facts.workload;
    const ask = (session: VhostUserSession, index: number): Attempt =>
      answerBeforeFence(session, {
        request: 'VHOST_USER_GET_VRING_BASE',
        payload: { index, num: 0 },
      });
    const all = farIndices.map((index) => ({ key: `index=${index}`, index }));
    points(all, ({ key, index }) => {
      const tried = refusal({
        open: () => {
          const session = connect('negotiated');
          session.messages.send(setNum(queueIndex, 16));
          return session;
        },
        flawed: (session) => ask(session, index),
        behind: (session) => stillServes(port, session, check, `service after GET_VRING_BASE with ${key}`),
        control: (session) => ask(session, queueIndex),
        controlName: 'GET_VRING_BASE',
      });
      check.refused(tried, `GET_VRING_BASE with ${key}`);
    });
  },
});
