import type { BackEndEdge } from '../../../vhost-user/back-end-edge.ts';
import { inQueue } from '../../device/device-fault.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, handling, vhostUserFault } from './vhost-user-fault.ts';

type Leaked = 'descriptor' | 'mapping';

/** So many requests leave one thing behind: cases that send a few do not see it. */
const requestsOfLeak = 60;
const leakedBytes = 2 * 1024 * 1024;

/** Opens a memory file and keeps it open, or keeps it mapped. */
function leak(edge: BackEndEdge, what: Leaked): void {
  const made = edge.createSharedMemory('vhost-user-request', leakedBytes);
  if (what === 'descriptor' || made === undefined) return;
  edge.mapRegion(made.token, BigInt(leakedBytes), 0n);
  edge.close(made.token);
}

/** Rules of queues know no edge: it is that of the session whose ring was started last. */
function atRequests(what: Leaked): readonly Change[] {
  let edge: BackEndEdge | undefined;
  let served = 0;
  return [
    handling('VHOST_USER_SET_VRING_KICK', (right, session) => {
      edge = session.edge;
      return right();
    }),
    inQueue({
      calls: (due) => {
        served++;
        if (edge !== undefined && served % requestsOfLeak === 0) leak(edge, what);
        return due ? 1 : 0;
      },
    }),
  ];
}

const atDisable = (what: Leaked): Change =>
  handling<{ readonly num: number }>('VHOST_USER_SET_VRING_ENABLE', (right, session, { num }) => {
    if (num === 0) leak(session.edge, what);
    return right();
  });

const atLaterStart = (what: Leaked): Change =>
  handling<{ readonly u64: bigint }>('VHOST_USER_SET_VRING_KICK', (right, session, { u64 }) => {
    const vring = session.ring(session.rules.vring.indexOf(u64));
    if (vring !== undefined && vring.starts > 0 && !vring.isAttached) leak(session.edge, what);
    return right();
  });

/** What requests that are served, and rings that are disabled, leave behind. */
export const servedGrowthFaults = {
  'served-requests-leak-descriptors': vhostUserFault(
    'vu-fds/served-requests-hold-nothing-more',
    'each sixtieth request that is served opens a file that is never closed',
    ...atRequests('descriptor'),
  ),
  'served-requests-leak-mappings': vhostUserFault(
    'vu-fds/served-requests-hold-nothing-more',
    'each sixtieth request that is served maps 2 MiB that are never unmapped',
    ...atRequests('mapping'),
  ),
  'disabled-ring-leaks-descriptor': vhostUserFault(
    'vu-fds/repeated-request-holds-nothing-more',
    'SET_VRING_ENABLE 0 opens a file that is never closed',
    atDisable('descriptor'),
  ),
  'restarted-ring-leaks-descriptor': vhostUserFault(
    'vu-fds/repeated-request-holds-nothing-more',
    'each start of a ring but the first opens a file that is never closed',
    atLaterStart('descriptor'),
  ),
  'restarted-ring-leaks-mapping': vhostUserFault(
    'vu-fds/repeated-request-holds-nothing-more',
    'each start of a ring but the first maps 2 MiB that are never unmapped',
    atLaterStart('mapping'),
  ),
  'disabled-ring-leaks-mapping': vhostUserFault(
    'vu-fds/repeated-request-holds-nothing-more',
    'SET_VRING_ENABLE 0 maps 2 MiB that are never unmapped',
    atDisable('mapping'),
  ),
} as const satisfies Record<string, VhostUserFault>;
