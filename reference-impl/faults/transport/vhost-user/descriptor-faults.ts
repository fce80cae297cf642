import type { Handled } from '../../../vhost-user/handled.ts';
import { messageByName } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { handling, inTable, vhostUserFault } from './vhost-user-fault.ts';

const isRefusal = (handled: Handled['kind']): boolean => handled === 'refused' || handled === 'close-connection';

/** Descriptors that travel with messages. */
export const descriptorFaults = {
  'unexpected-descriptors-kept': vhostUserFault(
    'vu-fds/unexpected-descriptors-closed',
    'descriptors of a request that takes none are never closed',
    inTable('descriptors', {
      accepts: (count, expected, name) => takesNone(name) || (count >= expected.minimum && count <= expected.maximum),
      closesUntaken: (_, name) => name === undefined || !takesNone(name),
    }),
  ),
  'missing-descriptor-accepted': vhostUserFault(
    'vu-fds/missing-descriptor-refused',
    'a request without its descriptor is said to have succeeded',
    inTable('descriptors', (right) => ({
      accepts: (count, expected, name) => count === 0 || right.accepts(count, expected, name),
    })),
    inTable('memory', {
      acceptsDescriptorCount: (regions, descriptors) => descriptors === 0 || regions === descriptors,
    }),
    inTable('vring', { acceptsDescriptors: (hasDescriptor, descriptors) => descriptors <= (hasDescriptor ? 1 : 0) }),
    handling('VHOST_USER_SET_MEM_TABLE', (right, _session, _value, { descriptors }) =>
      descriptors.length === 0 ? { kind: 'done' } : right(),
    ),
    handling('VHOST_USER_SET_BACKEND_REQ_FD', (right, _session, _value, { descriptors }) =>
      descriptors.length === 0 ? { kind: 'done' } : right(),
    ),
    handling('VHOST_USER_ADD_MEM_REG', (right, _session, _value, { descriptors }) =>
      descriptors.length === 0 ? { kind: 'done' } : right(),
    ),
    handling('VHOST_USER_SET_INFLIGHT_FD', (right, _session, _value, { descriptors }) =>
      descriptors.length === 0 ? { kind: 'done' } : right(),
    ),
  ),
  'refused-message-leaks-descriptors': vhostUserFault(
    'vu-fds/refused-message-leaks-no-descriptor',
    'descriptors of a refused request are never closed',
    inTable('descriptors', { closesUntaken: (handled) => !isRefusal(handled) }),
  ),
  'far-ring-leaks-descriptors': vhostUserFault(
    'vu-fds/refused-message-leaks-no-descriptor',
    'descriptors of a SET_VRING_ENABLE that is refused are never closed',
    inTable('descriptors', {
      closesUntaken: (handled, name) => !isRefusal(handled) || name !== 'VHOST_USER_SET_VRING_ENABLE',
    }),
  ),
  'surplus-descriptors-kept': vhostUserFault(
    'vu-fds/surplus-descriptors-refused-or-closed',
    'descriptors beyond those that a request needs are never closed',
    inTable('descriptors', {
      accepts: (count, expected) => count >= expected.minimum,
      closesUntaken: isRefusal,
    }),
    inTable('memory', { acceptsDescriptorCount: (regions, descriptors) => descriptors >= regions }),
    inTable('vring', { acceptsDescriptors: (hasDescriptor, descriptors) => descriptors >= (hasDescriptor ? 1 : 0) }),
  ),
  'replaced-descriptor-kept': vhostUserFault(
    'vu-reconnect/dead-connection-resources-released',
    'a descriptor that another one takes the place of is never closed',
    inTable('descriptors', { closesReplaced: false }),
  ),
} as const satisfies Record<string, VhostUserFault>;

function takesNone(name: Parameters<typeof messageByName>[0]): boolean {
  const { requestDescriptors, toleratedDescriptors } = messageByName(name);
  return requestDescriptors.maximum === 0 && toleratedDescriptors === 0;
}
