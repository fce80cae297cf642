import { vhostNetFault } from './vhost-net-fault.ts';

/** Rings and their backends. */
export const vhostNetRingFaults = {
  'vhost-net-ring-numbers-wrap': vhostNetFault(
    'vk-vring/ring-index-out-of-range-refused',
    'a call on a ring that there is not succeeds',
    'calls',
    { ringIndex: 0 },
  ),
  'vhost-net-any-ring-size-is-taken': vhostNetFault(
    'vk-vring/bad-ring-size-refused',
    'any ring size is taken',
    'ring',
    { acceptsSize: () => true },
  ),
  'vhost-net-any-address-flags-are-taken': vhostNetFault(
    'vk-vring/unknown-address-flags-refused',
    'SET_VRING_ADDR is taken with any flags',
    'ring',
    { acceptsFlags: () => true },
  ),
  'vhost-net-any-alignment-is-taken': vhostNetFault(
    'vk-vring/misaligned-addresses-refused',
    'SET_VRING_ADDR is taken with any addresses',
    'ring',
    { acceptsAddresses: () => true },
  ),
  'vhost-net-any-base-is-taken': vhostNetFault(
    'vk-vring/split-base-above-16-bits-refused',
    'SET_VRING_BASE is taken with any number',
    'ring',
    { acceptsBase: () => true },
  ),
  'vhost-net-tells-another-base': vhostNetFault(
    'vk-vring/base-reads-back',
    'GET_VRING_BASE of base 255 answers 256',
    'ring',
    { toldBase: (base) => (base === 255 ? base + 1 : base) },
  ),
  'vhost-net-any-descriptor-is-an-event': vhostNetFault(
    'vk-vring/event-descriptors-checked',
    'any descriptor is taken where an event is due',
    'ring',
    { noEventError: 0 },
  ),
  'vhost-net-events-are-not-unbound': vhostNetFault(
    'vk-vring/event-descriptors-checked',
    'descriptor -1 is refused where an event is due',
    'ring',
    { unbinds: false },
  ),
  'vhost-net-unbound-events-are-signalled': vhostNetFault(
    'vk-vring/event-descriptors-checked',
    'an event that was taken away is signalled',
    'ring',
    { forgetsUnbound: false },
  ),
  'vhost-net-replaced-events-are-held': vhostNetFault(
    'vk-vring/replaced-event-is-released',
    'an event that another took the place of is held on',
    'ring',
    { releasesReplaced: false },
  ),
  'vhost-net-active-rings-change': vhostNetFault(
    'vk-vring/active-ring-size-and-base-fixed',
    'size and base of a ring with a backend are taken',
    'ring',
    { changesWhileActive: true },
  ),
  'vhost-net-backend-needs-no-ring': vhostNetFault(
    'vk-backend/set-backend-needs-ring-and-socket',
    'SET_BACKEND of a ring that was not told succeeds',
    'backend',
    { noRing: 0 },
  ),
  'vhost-net-any-file-is-a-backend': vhostNetFault(
    'vk-backend/set-backend-needs-ring-and-socket',
    'SET_BACKEND with a plain file succeeds',
    'backend',
    { noNetwork: 0 },
  ),
  'vhost-net-backends-of-missing-rings-are-taken': vhostNetFault(
    'vk-backend/backend-index-above-one-refused',
    'SET_BACKEND of a ring that there is not succeeds',
    'backend',
    { ringIndex: 0 },
  ),
} as const;
