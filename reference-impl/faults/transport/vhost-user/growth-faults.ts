import type { Handled } from '../../../vhost-user/handled.ts';
import type { FrontEndMessageName } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { familyOf, leakingRequests, refusedRequests } from './request-family.ts';
import { type Change, handling, vhostUserFault } from './vhost-user-fault.ts';

const leakedBytes = 64 * 1024;

/** Some requests are refused by their own reply. */
const isRefusal = (handled: Handled): boolean =>
  handled.kind === 'refused' || (handled.kind === 'reply' && handled.payload.some((byte) => byte !== 0));

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
  ...familyOf(refusedRequests, 'leaks-where-refused', (request, name) =>
    vhostUserFault(
      'vu-fds/repeated-request-holds-nothing-more',
      `${name} that is refused opens a file and never closes it`,
      leaking(request, 'descriptor', isRefusal),
    ),
  ),
} as const satisfies Record<string, VhostUserFault>;

/** Enough for a case to see, and few enough for the process that a reference shares. */
const mostDescriptors = 32;

function leaking(
  request: FrontEndMessageName,
  what: 'descriptor' | 'mapping',
  isMeant: (handled: Handled) => boolean = () => true,
): Change {
  const leaked = new WeakMap<object, number>();
  return handling(request, (right, session) => {
    const { edge } = session;
    const handled = right();
    const times = leaked.get(edge) ?? 0;
    if (!isMeant(handled) || (what === 'descriptor' && times >= mostDescriptors)) return handled;
    leaked.set(edge, times + 1);
    const made = edge.createSharedMemory('vhost-user-table', leakedBytes);
    if (what === 'mapping' && made !== undefined) {
      edge.mapRegion(made.token, BigInt(leakedBytes), 0n);
      edge.close(made.token);
    }
    return handled;
  });
}
