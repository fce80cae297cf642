import { done } from '../../../vhost-user/handled.ts';
import { u64Bytes } from '../../../vhost-user/reply-payloads.ts';
import { isStarted } from '../../../vhost-user/ring-state.ts';
import type { SessionState } from '../../../vhost-user/session-state.ts';
import type { NotificationWay } from '../../../vhost-user/vring.ts';
import { VHOST_VRING_F_LOG } from '../../../wire/vhost-user-constants.ts';
import type { VhostUserFault } from '../../fault.ts';
import { familyOf, requestsWhileRunning, stoppingRings } from './request-family.ts';
import { awaitingFaults } from './unused-features.ts';
import { handling, onMessage, vhostUserFault } from './vhost-user-fault.ts';

/** Messages that a front-end may leave out, or send while rings run. */
export const optionalMessageFaults = {
  ...awaitingFaults,
  ...familyOf(requestsWhileRunning, 'while-running-stops-rings', (request, name) =>
    vhostUserFault(
      'vu-ring-state/settings-change-while-ring-runs',
      `${name} while a ring runs stops every ring`,
      ...stoppingRings(request),
    ),
  ),
  'log-flag-stops-running-ring': vhostUserFault(
    'vu-ring-state/settings-change-while-ring-runs',
    'SET_VRING_ADDR with the log flag for a running ring stops every ring',
    ...stoppingRings('VHOST_USER_SET_VRING_ADDR', hasLogFlag),
  ),
  'log-all-stops-running-ring': vhostUserFault(
    'vu-ring-state/settings-change-while-ring-runs',
    'SET_FEATURES with VHOST_F_LOG_ALL while a ring runs stops every ring',
    ...stoppingRings('VHOST_USER_SET_FEATURES', hasLogAll),
  ),
  'log-base-stops-running-ring': vhostUserFault(
    'vu-ring-state/settings-change-while-ring-runs',
    'a first SET_LOG_BASE with VHOST_F_LOG_ALL acknowledged and a ring that runs stops every ring',
    ...stoppingRings('VHOST_USER_SET_LOG_BASE'),
  ),
  'late-log-all-ignored': vhostUserFault(
    'vu-log/logging-switched-while-running',
    'VHOST_F_LOG_ALL that comes while a ring runs and was not acknowledged before switches nothing on',
    onMessage('VHOST_USER_SET_FEATURES', (entry) => ({
      handle: (session, value, context) => {
        const isLate = session.rings.someStarted && !session.marks.isAcknowledged;
        const handled = entry.handle(session, value, context);
        if (isLate) session.marks.isAcknowledged = false;
        return handled;
      },
    })),
  ),
  'late-log-base-ignored': vhostUserFault(
    'vu-log/logging-switched-while-running',
    'SET_LOG_BASE that comes while a ring runs is answered, and its log is not used',
    onMessage('VHOST_USER_SET_LOG_BASE', (entry, rules) => ({
      handle: (session, value, context) => {
        if (!session.rings.someStarted) return entry.handle(session, value, context);
        return { kind: 'reply', payload: u64Bytes(rules.reply.success) };
      },
    })),
  ),
  'ring-log-flag-fixed-at-start': vhostUserFault(
    'vu-log/used-ring-writes-marked-with-ring-flag',
    'the log flag of a ring that runs stays as it was at its start',
    onMessage('VHOST_USER_SET_VRING_ADDR', (entry) => ({
      handle: (session, value, context) => {
        const addresses = value as { readonly index: number; readonly flags: number };
        const vring = session.ring(addresses.index);
        if (vring === undefined || !isStarted(vring.state)) return entry.handle(session, value, context);
        const flags = vring.log.isLogged ? VHOST_VRING_F_LOG : 0;
        return entry.handle(session, { ...addresses, flags }, context);
      },
    })),
  ),
  'ring-without-call-descriptor-not-started': vhostUserFault(
    'vu-vring/call-without-descriptor-means-no-signals',
    'a ring whose SET_VRING_CALL had the no-fd bit does not start',
    notStartingWhile('call', 'polled'),
  ),
  'ring-waits-for-call-message': vhostUserFault(
    'vu-vring/ring-runs-without-call-and-err-messages',
    'a ring for which SET_VRING_CALL never came does not start',
    notStartingWhile('call', 'unset'),
  ),
  'ring-waits-for-err-message': vhostUserFault(
    'vu-vring/ring-runs-without-call-and-err-messages',
    'a ring for which SET_VRING_ERR never came does not start',
    notStartingWhile('err', 'unset'),
  ),
  'late-call-ignored': vhostUserFault(
    'vu-ring-state/settings-change-while-ring-runs',
    'a first call descriptor that comes while the ring runs is never signalled',
    handling<{ u64: bigint }>('VHOST_USER_SET_VRING_CALL', (right, session, { u64 }) => {
      const vring = session.ring(Number(u64 & 0xffn));
      const isLate = vring !== undefined && isStarted(vring.state) && vring.call.kind !== 'descriptor';
      return isLate ? done : right();
    }),
  ),
} as const satisfies Record<string, VhostUserFault>;

function hasLogFlag({ flags }: { readonly flags: number }): boolean {
  return (flags & VHOST_VRING_F_LOG) !== 0;
}

function hasLogAll({ u64 }: { readonly u64: bigint }): boolean {
  return (u64 & (1n << 26n)) !== 0n;
}

/** SET_VRING_KICK has no effect on a ring while it has no such descriptor. */
function notStartingWhile(which: 'call' | 'err', kind: NotificationWay['kind']): ReturnType<typeof handling> {
  return handling('VHOST_USER_SET_VRING_KICK', (right, session: SessionState, { u64 }: { u64: bigint }) =>
    session.ring(Number(u64 & 0xffn))?.[which].kind === kind ? done : right(),
  );
}
