import type { FrontEndMessageName } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { familyOf, leakingRequests } from './request-family.ts';
import { type Change, handling, vhostUserFault } from './vhost-user-fault.ts';

const leakedBytes = 64 * 1024;

/** What requests leave behind that come again. */
export const growthFaults = {
  ...familyOf(leakingRequests, 'leaks-a-descriptor', (request, name) =>
    vhostUserFault(
      'vu-fds/repeated-request-holds-nothing-more',
      `${name} opens a file each time and never closes it`,
      leaking(request, 'descriptor'),
    ),
  ),
  ...familyOf(leakingRequests, 'leaks-a-mapping', (request, name) =>
    vhostUserFault(
      'vu-fds/repeated-request-holds-nothing-more',
      `${name} maps a table of 64 KiB each time and never unmaps it`,
      leaking(request, 'mapping'),
    ),
  ),
} as const satisfies Record<string, VhostUserFault>;

/** Enough for a case to see, and few enough for the process that a reference shares. */
const mostDescriptors = 32;

function leaking(request: FrontEndMessageName, what: 'descriptor' | 'mapping'): Change {
  const leaked = new WeakMap<object, number>();
  return handling(request, (right, session) => {
    const { edge } = session;
    const times = leaked.get(edge) ?? 0;
    if (what === 'descriptor' && times >= mostDescriptors) return right();
    leaked.set(edge, times + 1);
    const made = edge.createSharedMemory('vhost-user-table', leakedBytes);
    if (what === 'mapping' && made !== undefined) {
      edge.mapRegion(made.token, BigInt(leakedBytes), 0n);
      edge.close(made.token);
    }
    return right();
  });
}
