import type { VhostUserProtocolFeature } from '../../../wire/vhost-user-constants.ts';
import type { FrontEndMessageName } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, handling, inTable, vhostUserFault } from './vhost-user-fault.ts';

/** Faults of a back-end whose rings wait for a message of a protocol feature that was negotiated. */

/** A message of the feature, by what it is called in the names of faults. */
const firstMessages = {
  'queue-num': ['VHOST_USER_PROTOCOL_F_MQ', 'VHOST_USER_GET_QUEUE_NUM'],
  'log-base': ['VHOST_USER_PROTOCOL_F_LOG_SHMFD', 'VHOST_USER_SET_LOG_BASE'],
  'back-end-channel': ['VHOST_USER_PROTOCOL_F_BACKEND_REQ', 'VHOST_USER_SET_BACKEND_REQ_FD'],
  mtu: ['VHOST_USER_PROTOCOL_F_MTU', 'VHOST_USER_NET_SET_MTU'],
  config: ['VHOST_USER_PROTOCOL_F_CONFIG', 'VHOST_USER_GET_CONFIG'],
  'inflight-buffer': ['VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD', 'VHOST_USER_SET_INFLIGHT_FD'],
  'reset-device': ['VHOST_USER_PROTOCOL_F_RESET_DEVICE', 'VHOST_USER_RESET_DEVICE'],
  'memory-region': ['VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS', 'VHOST_USER_ADD_MEM_REG'],
  'in-band-kick': ['VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS', 'VHOST_USER_VRING_KICK'],
} as const satisfies Record<string, readonly [VhostUserProtocolFeature, FrontEndMessageName]>;

type Awaited = keyof typeof firstMessages;
type AwaitingFault = `rings-wait-for-${Awaited}`;

const entries = Object.entries(firstMessages) as [Awaited, readonly [VhostUserProtocolFeature, FrontEndMessageName]][];

export const unusedFeatureFaults: readonly AwaitingFault[] = entries.map(([what]) => `rings-wait-for-${what}` as const);

/** A fault for each of the features. */
export const awaitingFaults = Object.fromEntries(
  entries.map(([what, [feature, request]]): [AwaitingFault, VhostUserFault] => [
    `rings-wait-for-${what}`,
    vhostUserFault(
      'vu-ring-state/ring-starts-with-kick-descriptor',
      `with ${feature.replace('VHOST_USER_PROTOCOL_F_', '')} rings wait for ${request.replace('VHOST_USER_', '')}`,
      ...waitingFor(feature, request),
    ),
  ]),
) as { readonly [Name in AwaitingFault]: VhostUserFault };

function waitingFor(feature: VhostUserProtocolFeature, request: FrontEndMessageName): Change[] {
  const told = new WeakSet<object>();
  return [
    handling(request, (right, session) => {
      told.add(session);
      return right();
    }),
    inTable('deviceState', (right) => ({
      isLive: (session) => right.isLive(session) && (!session.hasProtocolFeature(feature) || told.has(session)),
    })),
  ];
}
