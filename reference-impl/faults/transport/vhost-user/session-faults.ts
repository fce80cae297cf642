import { configChangeMessage } from '../../../vhost-user/reply-payloads.ts';
import type { Vring } from '../../../vhost-user/vring.ts';
import { hasBit, vhostUserProtocolFeatures as protocol } from '../../../wire/vhost-user-constants.ts';
import type { VhostUserFault } from '../../fault.ts';
import { handling, inTable, onMessage, vhostUserFault } from './vhost-user-fault.ts';

/** What outlives a connection, the back-end channel, and notifications in band. */
export const sessionFaults = {
  'status-outlives-connection': vhostUserFault(
    'vu-reconnect/new-connection-starts-clean',
    'a new connection begins with the device status of the one before it',
    (rules) => {
      let last = 0;
      const kept = handling('VHOST_USER_SET_STATUS', (right, session) => {
        const handled = right();
        last = session.status;
        return handled;
      })(rules);
      return handling('VHOST_USER_SET_OWNER', (right, session) => {
        session.status = last;
        return right();
      })(kept);
    },
  ),
  'ring-bases-outlive-connection': vhostUserFault(
    'vu-reconnect/new-connection-starts-clean',
    'rings that were not told of a base have the one of an earlier connection',
    (rules) => {
      const bases = new Map<number, number>();
      const told = new WeakSet<Vring>();
      const remembered = (vring: Vring | undefined): void => {
        if (vring !== undefined && !vring.isResumed && !told.has(vring)) vring.base = bases.get(vring.index) ?? 0;
      };
      const changes = [
        handling<{ readonly index: number; readonly num: number }>(
          'VHOST_USER_SET_VRING_BASE',
          (right, session, value) => {
            const vring = session.ring(value.index);
            if (vring !== undefined) told.add(vring);
            bases.set(value.index, value.num);
            return right();
          },
        ),
        handling<{ readonly index: number }>('VHOST_USER_GET_VRING_BASE', (right, session, { index }) => {
          remembered(session.ring(index));
          return right();
        }),
        handling<{ readonly u64: bigint }>('VHOST_USER_SET_VRING_KICK', (right, session, { u64 }) => {
          remembered(session.ring(session.rules.vring.indexOf(u64)));
          return right();
        }),
      ];
      return changes.reduce((changed, change) => change(changed), rules);
    },
  ),
  'protocol-features-outlive-connection': vhostUserFault(
    'vu-reconnect/new-connection-starts-clean',
    'REPLY_ACK stays negotiated in connections to come',
    (rules) => {
      let wasNegotiated = false;
      return inTable('reply', (right) => ({
        wantsAcknowledgement: (flags, negotiated) => {
          wasNegotiated ||= negotiated;
          return right.wantsAcknowledgement(flags, wasNegotiated);
        },
      }))(rules);
    },
  ),
  'memory-outlives-connection': vhostUserFault(
    'vu-reconnect/dead-connection-resources-released',
    'memory of a connection stays mapped when it is gone',
    inTable('descriptors', (right) => ({ releasesAtEnd: { ...right.releasesAtEnd, memory: false } })),
  ),
  'descriptors-outlive-connection': vhostUserFault(
    'vu-reconnect/dead-connection-resources-released',
    'descriptors of rings stay open when the connection is gone',
    inTable('descriptors', (right) => ({ releasesAtEnd: { ...right.releasesAtEnd, descriptors: false } })),
  ),
  'lost-connection-crashes': vhostUserFault(
    'vu-reconnect/death-within-message-survived',
    'it ends in SIGBUS when a connection dies inside a message',
    inTable('stream', { atTruncatedEnd: 'bus-error' }),
  ),
  'inband-without-prerequisites-accepted': vhostUserFault(
    'vu-inband/closed-without-prerequisites',
    'notifications in band are accepted without BACKEND_REQ and REPLY_ACK',
    inTable('features', { isIncompatible: () => false }),
  ),
  'no-vring-call-in-band': vhostUserFault(
    'vu-inband/used-buffers-announced-by-vring-call',
    'used buffers are not announced in band',
    inTable('notification', (right) => ({
      announcement: (way, isInBand) =>
        isInBand && way.kind !== 'descriptor' ? 'none' : right.announcement(way, isInBand),
    })),
  ),
  'vring-call-despite-descriptor': vhostUserFault(
    'vu-inband/event-descriptor-takes-precedence',
    'used buffers are announced in band although there is a call descriptor',
    inTable('notification', (right) => ({
      announcement: (way, isInBand) => (isInBand ? 'in-band' : right.announcement(way, isInBand)),
    })),
  ),
  'vring-call-num-one': vhostUserFault(
    'vu-inband/vring-call-and-err-num-zero',
    'num of VRING_CALL is 1',
    inTable('notification', { inBandNum: 1 }),
  ),
  'backend-req-fd-refused': vhostUserFault(
    'vu-backend-req/set-backend-req-fd-answered-zero',
    'SET_BACKEND_REQ_FD is acknowledged as a failure',
    handling('VHOST_USER_SET_BACKEND_REQ_FD', (right) => {
      right();
      return { kind: 'refused', why: 'it says so' };
    }),
  ),
  'back-end-request-on-main-socket': vhostUserFault(
    'vu-backend-req/requests-use-given-socket',
    'a request of the back-end goes over the main socket before the answer to SET_VRING_ERR',
    inTable('reply', {
      leaving: (message, _flags, session) =>
        message.request === 14 && hasBit(session.protocolFeatures, protocol.VHOST_USER_PROTOCOL_F_BACKEND_REQ)
          ? [{ request: 2, flags: 1, size: 0, payload: new Uint8Array(0), descriptors: [] }, message]
          : [message],
    }),
  ),
  'second-connection-refused-for-good': vhostUserFault(
    'vu-close/new-connection-accepted-after-refusal',
    'it hangs once it refused unoffered features',
    onMessage('VHOST_USER_SET_FEATURES', (entry) => ({
      handle: (session, value, context) => {
        const handled = entry.handle(session, value, context);
        if (handled.kind === 'refused') session.edge.breakDown('hang');
        return handled;
      },
    })),
  ),
  'call-without-descriptor-closes': vhostUserFault(
    'vu-close/connection-closed-only-for-grave-errors',
    'SET_VRING_CALL without a descriptor, of a ring without addresses, closes the connection',
    onMessage('VHOST_USER_SET_VRING_CALL', (entry) => ({
      handle: (session, value, context) => {
        const handled = entry.handle(session, value, context);
        const isBare = context.descriptors.length === 0 && session.ring(0)?.addresses === undefined;
        return handled.kind === 'done' && isBare ? { kind: 'close-connection', why: 'no descriptor' } : handled;
      },
    })),
  ),
  'backend-channel-refusal-hangs': vhostUserFault(
    'vu-backend-req/front-end-refusal-survived',
    'it asks for something on the back-end channel when a ring starts, and waits for ever for its being done',
    handling('VHOST_USER_SET_VRING_KICK', (right, session) => {
      if (session.backEndChannel !== undefined) {
        session.edge.sendRequest(session.backEndChannel, configChangeMessage());
        session.edge.breakDown('hang');
      }
      return right();
    }),
  ),
} as const satisfies Record<string, VhostUserFault>;
