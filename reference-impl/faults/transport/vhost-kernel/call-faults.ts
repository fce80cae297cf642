import { vhostNetFault } from './vhost-net-fault.ts';

/** The owner, features, and calls as such. */
export const vhostNetCallFaults = {
  'vhost-net-needs-no-owner': vhostNetFault(
    'vk-owner/calls-before-set-owner-denied',
    'calls on rings and memory are taken without an owner',
    'life',
    { needsOwner: false },
  ),
  'vhost-net-second-owner-is-taken': vhostNetFault(
    'vk-owner/second-set-owner-is-busy',
    'a second SET_OWNER is taken',
    'life',
    { secondOwnerError: 0 },
  ),
  'vhost-net-reset-leaves-owner': vhostNetFault(
    'vk-owner/reset-owner-allows-new-owner',
    'RESET_OWNER leaves the owner',
    'owner',
    { resets: false },
  ),
  'vhost-net-reset-leaves-rings': vhostNetFault(
    'vk-owner/reset-owner-forgets-rings',
    'RESET_OWNER takes the owner away and leaves rings as they were told',
    'owner',
    { forgets: false },
  ),
  'vhost-net-any-features-are-taken': vhostNetFault(
    'vk-features/unoffered-features-refused',
    'SET_FEATURES is taken with any bits',
    'features',
    { accepts: () => true },
  ),
  'vhost-net-any-backend-features-are-taken': vhostNetFault(
    'vk-features/unoffered-backend-features-refused',
    'SET_BACKEND_FEATURES is taken with any bits',
    'features',
    { acceptsBackend: () => true },
  ),
  'vhost-net-bad-pointers-are-taken': vhostNetFault(
    'vk-call/bad-pointers-refused',
    'a call whose argument is not there succeeds',
    'calls',
    { badPointer: 0 },
  ),
  'vhost-net-unknown-calls-are-taken': vhostNetFault(
    'vk-unknown/unknown-ioctl-refused',
    'unknown calls succeed',
    'calls',
    { unknownCall: 0 },
  ),
} as const;
