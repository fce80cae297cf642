import { ringLayoutOf } from '../../virtqueue/feature-bits.ts';
import type { RingLayout } from '../../virtqueue/ring.ts';
import { VHOST_VRING_F_LOG } from '../../wire/vhost-user-constants.ts';
import { messageByName } from '../../wire/vhost-user-messages.ts';
import {
  type PayloadValue,
  vringAddressPayload,
  vringDescriptorPayload,
  vringIndexPayload,
  vringStatePayload,
} from '../../wire/vhost-user-payloads.ts';
import { done, type Handled, refused } from '../handled.ts';
import { describeRule, type MessageRule, type MessageTable, type RequestContext } from '../message-rule.ts';
import { encoded } from '../reply-payloads.ts';
import { isStarted } from '../ring-state.ts';
import type { SessionState } from '../session-state.ts';
import type { Vring } from '../vring.ts';

type VringState = PayloadValue<typeof vringStatePayload>;

const noSuchRing = refused('no such ring');
const state = [vringStatePayload] as const;

/** Size and base are a stopped ring's to set: what runs would be pulled out from under the device. */
const whileStarted = (session: SessionState, { index }: VringState): string | undefined => {
  const vring = session.ring(index);
  return vring !== undefined && isStarted(vring.state) ? 'the ring runs' : undefined;
};

const layoutOf = (session: SessionState): RingLayout => ringLayoutOf(session.device.features);

function start({ rings }: SessionState, vring: Vring): Handled {
  const why = rings.move(vring, 'start');
  return why === undefined ? done : refused(why);
}

/** The answer that tells where a ring goes on, which the request named by `index`. */
function baseOf(session: SessionState, { base }: Vring, index: number): Handled {
  const { vring: rules } = session.rules;
  const value = { index, num: rules.reportedBase(base ?? rules.unsetBase(layoutOf(session))) };
  return { kind: 'reply', payload: encoded(vringStatePayload, value) };
}

/** SET_VRING_KICK, _CALL and _ERR: the ring and whether a descriptor travels share a u64. */
function ringDescriptorMessage(
  name: 'VHOST_USER_SET_VRING_KICK' | 'VHOST_USER_SET_VRING_CALL' | 'VHOST_USER_SET_VRING_ERR',
  set: (session: SessionState, vring: Vring, take: () => number | undefined) => Handled,
): MessageRule {
  return describeRule(messageByName(name), {
    name,
    payload: [vringDescriptorPayload],
    handle: (session: SessionState, { u64 }: { u64: bigint }, context: RequestContext) => {
      const { vring: rules } = session.rules;
      const vring = session.ring(rules.indexOf(u64));
      if (vring === undefined) return noSuchRing;
      const [token] = context.descriptors;
      if (!rules.acceptsDescriptors(rules.hasDescriptor(u64), context.descriptors.length)) {
        return refused('the no-fd bit and the descriptors disagree');
      }
      if (token !== undefined && !rules.acceptsEventDescriptor(session.edge.isPipe(token))) {
        return refused('a descriptor that tells of nothing');
      }
      return set(session, vring, () => (token === undefined ? undefined : context.take(token)));
    },
  }) as MessageRule;
}

export const vringMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_SET_VRING_NUM'), {
    name: 'VHOST_USER_SET_VRING_NUM',
    payload: state,
    isUntimely: whileStarted,
    handle: (session, { index, num }) => {
      const vring = session.ring(index);
      if (vring === undefined) return noSuchRing;
      if (!session.rules.vring.acceptsSize(num, layoutOf(session))) return refused(`a size of ${num}`);
      vring.size = session.rules.vring.storedSize(num);
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_SET_VRING_ADDR'), {
    name: 'VHOST_USER_SET_VRING_ADDR',
    payload: [vringAddressPayload],
    handle: (session, { index, flags, descriptor, used, available, log }) => {
      const { vring: rules } = session.rules;
      const vring = session.ring(index);
      if (vring === undefined) return noSuchRing;
      const addresses = { desc: descriptor, avail: available, used };
      if (!rules.acceptsAddresses(addresses)) return refused('addresses where no ring may lie');
      vring.addresses = rules.storedAddresses(addresses);
      vring.log = { address: log, isLogged: (flags & VHOST_VRING_F_LOG) !== 0 };
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_SET_VRING_BASE'), {
    name: 'VHOST_USER_SET_VRING_BASE',
    payload: state,
    isUntimely: whileStarted,
    handle: (session, { index, num }) => {
      const vring = session.ring(index);
      if (vring === undefined) return noSuchRing;
      vring.base = session.rules.vring.storedBase(num);
      vring.isResumed = false;
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_GET_VRING_BASE'), {
    name: 'VHOST_USER_GET_VRING_BASE',
    payload: [vringIndexPayload],
    answer: 'own-reply',
    handle: (session, { index }) => {
      const vring = session.ring(index);
      if (vring === undefined) return noSuchRing;
      session.rings.move(vring, 'stop');
      for (const other of session.rules.vring.stopsAlso(index, session.rings.vrings.length)) {
        const also = session.rings.vrings[other];
        if (also !== undefined) session.rings.move(also, 'stop');
      }
      return baseOf(session, vring, index);
    },
  }),
  describeRule(messageByName('VHOST_USER_GET_VRING_BASE_SKIP_DRAIN'), {
    name: 'VHOST_USER_GET_VRING_BASE_SKIP_DRAIN',
    payload: [vringIndexPayload],
    answer: 'own-reply',
    handle: (session, { index }) => {
      const vring = session.ring(index);
      if (vring === undefined) return noSuchRing;
      session.rings.suspend(vring);
      return baseOf(session, vring, index);
    },
  }),
  describeRule(messageByName('VHOST_USER_SET_VRING_ENDIAN'), {
    name: 'VHOST_USER_SET_VRING_ENDIAN',
    payload: state,
    isUntimely: whileStarted,
    handle: (session, { index, num }) => {
      const { vring: rules } = session.rules;
      const vring = session.ring(index);
      if (vring === undefined) return noSuchRing;
      if (!rules.acceptsByteOrder(num)) return refused(`a byte order of ${num}`);
      vring.isBigEndian = rules.isBigEndian(num);
      return done;
    },
  }),
  ringDescriptorMessage('VHOST_USER_SET_VRING_KICK', (session, vring, take) => {
    const started = start(session, vring);
    session.rings.setWay(vring, 'kick', take());
    return started;
  }),
  ringDescriptorMessage('VHOST_USER_SET_VRING_CALL', (session, vring, take) => {
    session.rings.setWay(vring, 'call', take());
    return done;
  }),
  ringDescriptorMessage('VHOST_USER_SET_VRING_ERR', (session, vring, take) => {
    session.rings.setWay(vring, 'err', take());
    return done;
  }),
  describeRule(messageByName('VHOST_USER_SET_VRING_ENABLE'), {
    name: 'VHOST_USER_SET_VRING_ENABLE',
    // A front-end should send it only once VHOST_USER_F_PROTOCOL_FEATURES was negotiated. One that enables its rings ahead
    // of SET_FEATURES, as QEMU does for network devices, does not do it again.
    gate: [],
    payload: state,
    handle: (session, { index, num }) => {
      const vring = session.ring(index);
      if (vring === undefined) return noSuchRing;
      session.rings.move(vring, num === 0 ? 'disable' : 'enable');
      return done;
    },
  }),
  describeRule(messageByName('VHOST_USER_VRING_KICK'), {
    name: 'VHOST_USER_VRING_KICK',
    payload: [vringIndexPayload],
    handle: (session, { index }) => {
      const vring = session.ring(index);
      if (vring === undefined) return noSuchRing;
      const started = start(session, vring);
      session.observer?.kicked(index);
      session.device.notify(index);
      return started;
    },
  }),
];
