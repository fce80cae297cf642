import type { SessionState } from '../../../vhost-user/session-state.ts';
import type { VhostUserFault } from '../../fault.ts';
import { handling, vhostUserFault } from './vhost-user-fault.ts';

/** What a back-end tells of once a ring runs, told while none does. */
export const suspendedFaults = {
  'host-notifier-told-while-suspended': atEnable('has its host notifier told of', (session, index) =>
    session.rings.notifiers.tell(index),
  ),
  'shared-memory-mapped-while-suspended': atEnable('has shared memory mapped', (session) => session.sharedMemory.map()),
  'shared-object-added-while-suspended': atEnable('has an object exported', (session) =>
    session.sharedObjects.announce(),
  ),
} as const satisfies Record<string, VhostUserFault>;

/** SET_VRING_ENABLE does more where no ring runs. */
function atEnable(what: string, tell: (session: SessionState, index: number) => void): VhostUserFault {
  return vhostUserFault(
    'vu-suspended/no-messages-to-front-end',
    `SET_VRING_ENABLE of a ring ${what} while every ring is stopped`,
    handling<{ readonly index: number }>('VHOST_USER_SET_VRING_ENABLE', (right, session, { index }) => {
      const handled = right();
      if (handled.kind === 'done' && !session.rings.someStarted) tell(session, index);
      return handled;
    }),
  );
}
