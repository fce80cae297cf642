import { done, type Handled } from '../../../vhost-user/handled.ts';
import type { SessionState } from '../../../vhost-user/session-state.ts';
import { VIRTIO_F_EVENT_IDX } from '../../../virtqueue/feature-bits.ts';
import type { FrontEndMessageName } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, handling, vhostUserFault } from './vhost-user-fault.ts';

const flagClear = 'notify/used-buffers-notified-with-flag-clear';
const usedEvent = 'notify/passing-used-event-notifies';

/** Sessions of which a fault is: with EVENT_IDX, or without. */
type Suppression = 'flags' | 'events';

const isOf = ({ device }: SessionState, suppression: Suppression): boolean =>
  ((device.features & VIRTIO_F_EVENT_IDX) !== 0n) === (suppression === 'events');

interface Told {
  readonly num?: number;
  readonly u64?: bigint;
}

const hasNoDescriptor = ({ u64 = 0n }: Told): boolean => (u64 & 0x100n) !== 0n;

/** The message, once carried out, takes the call descriptor away from every ring that runs. */
function losesCalls(
  name: FrontEndMessageName,
  suppression: Suppression,
  applies: (value: Told) => boolean = () => true,
): Change {
  return handling<Told>(name, (right, session, value): Handled => {
    const handled = right();
    if (handled.kind === 'refused' || !isOf(session, suppression) || !applies(value)) return handled;
    for (const vring of session.rings.vrings) {
      if (vring.isAttached) session.rings.setWay(vring, 'call', undefined);
    }
    return handled;
  });
}

/** A ring that ran and was stopped keeps its call descriptor, whatever comes. */
const keepsCallOfEarlierLife = (accepts: (session: SessionState) => boolean): Change =>
  handling<{ readonly u64: bigint }>('VHOST_USER_SET_VRING_CALL', (right, session, { u64 }) => {
    const vring = session.ring(session.rules.vring.indexOf(u64));
    const isStoppedAgain = vring !== undefined && vring.starts > 0 && !vring.isAttached;
    return isStoppedAgain && accepts(session) ? done : right();
  });

/** Calls that get lost behind messages while a ring runs, and in its later lives. */
export const lostCallFaults = {
  'calls-lost-behind-memory-table': vhostUserFault(
    flagClear,
    'without EVENT_IDX, a memory table that comes while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_MEM_TABLE', 'flags'),
  ),
  'event-calls-lost-behind-memory-table': vhostUserFault(
    usedEvent,
    'with EVENT_IDX, a memory table that comes while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_MEM_TABLE', 'events'),
  ),
  'calls-lost-behind-features': vhostUserFault(
    flagClear,
    'without EVENT_IDX, SET_FEATURES while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_FEATURES', 'flags'),
  ),
  'event-calls-lost-behind-features': vhostUserFault(
    usedEvent,
    'with EVENT_IDX, SET_FEATURES while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_FEATURES', 'events'),
  ),
  'calls-lost-behind-call-descriptor': vhostUserFault(
    flagClear,
    'without EVENT_IDX, a call descriptor that comes while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_VRING_CALL', 'flags'),
  ),
  'event-calls-lost-behind-call-descriptor': vhostUserFault(
    usedEvent,
    'with EVENT_IDX, a call descriptor that comes while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_VRING_CALL', 'events'),
  ),
  'calls-lost-behind-error-descriptor': vhostUserFault(
    flagClear,
    'without EVENT_IDX, an error descriptor that comes while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_VRING_ERR', 'flags'),
  ),
  'event-calls-lost-behind-error-descriptor': vhostUserFault(
    usedEvent,
    'with EVENT_IDX, an error descriptor that comes while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_VRING_ERR', 'events'),
  ),
  'calls-lost-behind-missing-error-descriptor': vhostUserFault(
    flagClear,
    'without EVENT_IDX, SET_VRING_ERR with the no-fd bit takes the call descriptor of a ring that runs away',
    losesCalls('VHOST_USER_SET_VRING_ERR', 'flags', hasNoDescriptor),
  ),
  'event-calls-lost-behind-missing-error-descriptor': vhostUserFault(
    usedEvent,
    'with EVENT_IDX, SET_VRING_ERR with the no-fd bit takes the call descriptor of a ring that runs away',
    losesCalls('VHOST_USER_SET_VRING_ERR', 'events', hasNoDescriptor),
  ),
  'calls-lost-behind-added-region': vhostUserFault(
    flagClear,
    'without EVENT_IDX, ADD_MEM_REG while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_ADD_MEM_REG', 'flags'),
  ),
  'event-calls-lost-behind-added-region': vhostUserFault(
    usedEvent,
    'with EVENT_IDX, ADD_MEM_REG while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_ADD_MEM_REG', 'events'),
  ),
  'calls-lost-behind-removed-region': vhostUserFault(
    flagClear,
    'without EVENT_IDX, REM_MEM_REG while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_REM_MEM_REG', 'flags'),
  ),
  'event-calls-lost-behind-removed-region': vhostUserFault(
    usedEvent,
    'with EVENT_IDX, REM_MEM_REG while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_REM_MEM_REG', 'events'),
  ),
  'calls-lost-behind-log-base': vhostUserFault(
    flagClear,
    'without EVENT_IDX, SET_LOG_BASE while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_LOG_BASE', 'flags'),
  ),
  'event-calls-lost-behind-log-base': vhostUserFault(
    usedEvent,
    'with EVENT_IDX, SET_LOG_BASE while a ring runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_LOG_BASE', 'events'),
  ),
  'calls-lost-behind-enable': vhostUserFault(
    flagClear,
    'without EVENT_IDX, disabling a ring that runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_VRING_ENABLE', 'flags', ({ num }) => num === 0),
  ),
  'event-calls-lost-behind-enable': vhostUserFault(
    usedEvent,
    'with EVENT_IDX, disabling a ring that runs takes its call descriptor away',
    losesCalls('VHOST_USER_SET_VRING_ENABLE', 'events', ({ num }) => num === 0),
  ),
  'restarted-ring-calls-old-descriptor': vhostUserFault(
    flagClear,
    'without EVENT_IDX, a ring that starts again signals the call descriptor of its earlier life',
    keepsCallOfEarlierLife((session) => isOf(session, 'flags')),
  ),
  'restarted-event-ring-calls-old-descriptor': vhostUserFault(
    usedEvent,
    'with EVENT_IDX, a ring that starts again signals the call descriptor of its earlier life',
    keepsCallOfEarlierLife((session) => isOf(session, 'events')),
  ),
  'call-descriptor-of-earlier-life-kept': vhostUserFault(
    'vu-vring/call-descriptor-replaced',
    'a ring that starts again signals the call descriptor of its earlier life',
    keepsCallOfEarlierLife(() => true),
  ),
} as const satisfies Record<string, VhostUserFault>;
