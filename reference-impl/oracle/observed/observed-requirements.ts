import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { SharedDevice } from '../../devices/reference-devices.ts';
import { formRules } from './front-end/form-rules.ts';
import { messageRules } from './front-end/front-end-watch.ts';

/** What is judged of the rings of any driver. */
const ofRings: readonly RequirementSlug[] = [
  'split/avail-idx-never-decreases',
  'split/driver-indices-within-table',
  'split/readable-before-writable',
  'split/chain-bounded-and-loop-free',
  'split/in-order-next-sequential',
  'indirect/flag-needs-feature',
  'indirect/no-nested-tables',
  'indirect/chain-within-queue-size',
  'indirect/never-with-next',
  'indirect/table-holds-whole-descriptors',
  'indirect/in-order-entries-sequential',
  'packed/readable-before-writable',
  'packed/flags-right-in-every-descriptor',
  'packed/descriptor-untouched-until-used',
  'packed-indirect/flag-needs-feature',
  'packed-indirect/only-write-flag-inside-table',
  'packed-indirect/chain-within-device-limit',
  'packed-indirect/never-inside-list',
  'packed-indirect/table-holds-whole-descriptors',
  'reserved/driver-passes-physical-addresses',
  'init/exposed-buffers-unaltered',
  'notify/avail-flags-zero-or-one',
  'notify/avail-flags-zero-with-event-idx',
  'notify/kicks-sent-with-flag-clear',
  'notify/passing-avail-event-kicks',
  'notify/packed-kicks-sent-when-enabled',
  'notify/packed-device-event-descriptor-kicks',
  'notify/packed-driver-event-values-defined',
];

/** What is judged of the requests of a driver, by the type of its device. */
const ofRequests: Readonly<Record<SharedDevice, readonly RequirementSlug[]>> = {
  block: [
    'blk/driver-places-header-and-status',
    'blk/driver-data-in-whole-sectors',
    'blk/driver-stays-within-capacity',
    'blk/driver-flush-sector-zero',
    'blk/driver-flush-carries-no-data',
    'blk/driver-get-id-length',
    'blk/driver-range-commands-whole-segments',
    'blk/driver-discard-segments-bounded',
    'blk/driver-write-zeroes-segments-bounded',
    'blk/driver-secure-erase-segments-bounded',
    'blk/driver-discard-unmap-clear',
  ],
  net: [
    'net/tx-num-buffers-zero',
    'net/tx-data-valid-and-rsc-info-clear',
    'net/tx-flags-zero-without-csum',
    'net/tx-checksum-offsets-describe-checksum',
    'net/tx-gso-none-without-features',
    'net/tx-tcpv4-needs-host-tso4',
    'net/tx-udp-needs-host-ufo',
    'net/tx-tcpv6-needs-host-tso6',
    'net/tx-udp-l4-needs-host-uso',
    'net/tx-ecn-needs-host-ecn',
    'net/tx-segmentation-sets-needs-csum',
    'net/tx-segmentation-sets-gso-size',
    'net/driver-transmits-within-mtu',
    'net/driver-posts-full-frame-receive-buffers',
    'net/driver-mergeable-buffers-hold-header',
  ],
  entropy: ['entropy/driver-places-no-readable-buffer'],
};

export const driverRequirements = (device: SharedDevice): readonly RequirementSlug[] => [
  ...ofRings,
  ...ofRequests[device],
];

/** All that is judged of a front-end, and of a driver of that type behind it. */
export const observedRequirements = (device: SharedDevice): readonly RequirementSlug[] => [
  ...new Set([...[...formRules, ...messageRules].map(({ requirement }) => requirement), ...driverRequirements(device)]),
];
