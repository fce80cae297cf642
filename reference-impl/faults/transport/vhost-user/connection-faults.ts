import type { VhostUserFault } from '../../fault.ts';
import { familyOf, gatedReplies } from './request-family.ts';
import { inTable, onMessage, vhostUserFault } from './vhost-user-fault.ts';

/** Connections beside the first, and requests that were not negotiated on theirs. */
export const connectionFaults = {
  'second-connection-ends-first': vhostUserFault(
    'vu-close/second-connection-spares-first',
    'a connection ends the one that is open',
    inTable('stream', { endsFirstConnection: true }),
  ),
  ...familyOf(gatedReplies, 'answered-unnegotiated', (request, name) =>
    vhostUserFault(
      'vu-features/unnegotiated-message-not-answered',
      `${name} is answered although its feature was not negotiated`,
      onMessage(request, () => ({ gate: [] })),
    ),
  ),
} as const satisfies Record<string, VhostUserFault>;
