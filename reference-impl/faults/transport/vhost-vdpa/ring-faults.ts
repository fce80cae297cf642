import type { VdpaRules } from '../../../vhost-vdpa/vdpa-rules.ts';
import { vdpaFault } from './vdpa-fault.ts';

const pageOf = 4096;
const DRIVER_OK = 4;

/** Rings go on elsewhere behind a resumption. */
const resumesAt = (resumedBase: (base: number) => number): Partial<VdpaRules['suspend']> => ({
  settles: (rings, suspended) => {
    if (suspended) return;
    for (const ring of rings) ring.base = resumedBase(ring.base);
  },
});

/** Rings, suspension and doorbells. */
export const vdpaRingFaults = {
  'vdpa-ring-numbers-wrap': vdpaFault(
    'vk-vring/ring-index-out-of-range-refused',
    'a call on a ring that there is not succeeds',
    'calls',
    { ringIndex: 0 },
  ),
  'vdpa-any-ring-size-is-taken': vdpaFault('vk-vring/bad-ring-size-refused', 'any ring size is taken', 'ring', {
    acceptsSize: () => true,
  }),
  'vdpa-any-address-flags-are-taken': vdpaFault(
    'vk-vring/unknown-address-flags-refused',
    'SET_VRING_ADDR is taken with any flags',
    'ring',
    { acceptsFlags: () => true },
  ),
  'vdpa-any-alignment-is-taken': vdpaFault(
    'vk-vring/misaligned-addresses-refused',
    'SET_VRING_ADDR is taken with any addresses',
    'ring',
    { acceptsAddresses: () => true },
  ),
  'vdpa-any-base-is-taken': vdpaFault(
    'vk-vring/split-base-above-16-bits-refused',
    'SET_VRING_BASE is taken with any number',
    'ring',
    { acceptsBase: () => true },
  ),
  'vdpa-tells-another-base': vdpaFault('vk-vring/base-reads-back', 'GET_VRING_BASE of base 255 answers 256', 'ring', {
    toldBase: (base) => (base === 255 ? base + 1 : base),
  }),
  'vdpa-any-descriptor-is-an-event': vdpaFault(
    'vk-vring/event-descriptors-checked',
    'any descriptor is taken where an event is due',
    'ring',
    { noEventError: 0 },
  ),
  'vdpa-events-are-not-unbound': vdpaFault(
    'vk-vring/event-descriptors-checked',
    'descriptor -1 is refused where an event is due',
    'ring',
    { unbinds: false },
  ),
  'vdpa-unbound-events-are-signalled': vdpaFault(
    'vk-vring/event-descriptors-checked',
    'an event that was taken away is signalled',
    'ring',
    { forgetsUnbound: false },
  ),
  'vdpa-replaced-events-are-held': vdpaFault(
    'vk-vring/replaced-event-is-released',
    'an event that another took the place of is held on',
    'ring',
    { releasesReplaced: false },
  ),
  'vdpa-rings-change-while-running': vdpaFault(
    'vk-vring/addresses-and-base-fixed-while-running',
    'addresses and base of rings are taken while the device runs',
    'ring',
    { changesWhileRunning: true },
  ),
  'vdpa-serves-rings-that-are-not-enabled': vdpaFault(
    'vk-vring/ring-that-is-not-enabled-is-not-served',
    'rings are served that were not enabled',
    'ring',
    { runs: ({ driverOk, suspended }) => driverOk && !suspended },
  ),
  'vdpa-rings-enabled-late-rest': vdpaFault(
    'vk-vring/ring-enabled-after-driver-ok-is-served',
    'a ring that is enabled behind DRIVER_OK is not served',
    'ring',
    { enables: (num, isRunning) => num !== 0 && !isRunning },
  ),
  'vdpa-rings-served-before-driver-ok': vdpaFault(
    'status/no-buffers-before-driver-ok',
    'rings are served as soon as they are enabled',
    'ring',
    { runs: ({ suspended, enabled }) => enabled && !suspended },
  ),
  'vdpa-never-needs-reset': vdpaFault(
    'status/unrecoverable-error-raises-needs-reset',
    'a ring that breaks ends the service of the device without a word',
    'status',
    { broken: (before) => before & ~DRIVER_OK },
  ),
  'vdpa-serves-while-suspended': vdpaFault(
    'vk-suspend/suspended-rings-stand-still',
    'rings are served behind SUSPEND',
    'ring',
    { runs: ({ driverOk, enabled }) => driverOk && enabled },
  ),
  'vdpa-resumption-begins-anew': vdpaFault(
    'vk-suspend/resume-loses-nothing',
    'behind RESUME rings begin at 0',
    'suspend',
    resumesAt(() => 0),
  ),
  'vdpa-resumption-goes-two-back': vdpaFault(
    'vk-suspend/resume-loses-nothing',
    'behind RESUME the last two chains are used again',
    'suspend',
    resumesAt((base) => (base > 1 ? base - 2 : base)),
  ),
  'vdpa-any-page-is-mapped': vdpaFault(
    'vk-mmap/doorbell-mapping-checked',
    'any page of the file is mapped',
    'doorbell',
    { accepts: ({ length }) => length >= pageOf },
  ),
  'vdpa-doorbells-without-a-page-are-mapped': vdpaFault(
    'vk-mmap/doorbell-without-page-not-mapped',
    'doorbells are mapped that have no page of their own',
    'doorbell',
    { refusesWithoutPage: false },
  ),
  'vdpa-doorbells-are-dumb': vdpaFault(
    'vk-mmap/stored-number-notifies',
    'a number that is stored into a doorbell notifies nothing',
    'doorbell',
    { queueOf: () => undefined },
  ),
} as const;
