import { featureMask } from '../../../catalogue/feature-set.ts';
import { vdpaRules } from '../../../vhost-vdpa/vdpa-rules.ts';
import { vdpaFault } from './vdpa-fault.ts';

const VIRTIO_F_SR_IOV = featureMask('VIRTIO_F_SR_IOV');

/** Opening, owning, calls as such, what a device tells of itself, features and status. */
export const vdpaLifeFaults = {
  'vdpa-opens-again': vdpaFault('vk-open/second-open-is-busy', 'a device can be opened while it is open', 'life', {
    openError: () => 0,
  }),
  'vdpa-open-leaves-status': vdpaFault(
    'vk-open/open-resets-device',
    'behind an open the status has ACKNOWLEDGE',
    'life',
    { statusAtOpen: 1 },
  ),
  'vdpa-events-outlive-close': vdpaFault('vk-close/close-resets-and-unmaps', 'events stay behind a close', 'life', {
    dropsEvents: false,
  }),
  'vdpa-mappings-outlive-close': vdpaFault(
    'vk-close/close-resets-and-unmaps',
    'mappings for writing alone stay behind a close',
    'iotlb',
    { outlivesClose: (permission) => permission === 'write' },
  ),
  'vdpa-needs-no-owner': vdpaFault(
    'vk-owner/calls-before-set-owner-denied',
    'calls on rings are taken without an owner',
    'life',
    { needsOwner: false },
  ),
  'vdpa-second-owner-is-taken': vdpaFault('vk-owner/second-set-owner-is-busy', 'a second SET_OWNER is taken', 'life', {
    secondOwnerError: 0,
  }),
  'vdpa-bad-pointers-are-taken': vdpaFault(
    'vk-call/bad-pointers-refused',
    'a call whose argument is not there succeeds',
    'calls',
    { badPointer: 0 },
  ),
  'vdpa-log-calls-are-taken': vdpaFault('vk-log/vdpa-log-calls-refused', 'calls of the log succeed', 'calls', {
    logCall: 0,
  }),
  'vdpa-unknown-calls-are-taken': vdpaFault('vk-unknown/unknown-ioctl-refused', 'unknown calls succeed', 'calls', {
    unknownCall: 0,
  }),
  'vdpa-tells-another-device': vdpaFault('vk-id/device-id-is-told', 'the device id is one too high', 'identity', {
    deviceId: (id) => id + 1,
  }),
  'vdpa-tells-one-ring-more': vdpaFault(
    'vk-vring/queue-count-is-told',
    'the count of rings is one too high',
    'identity',
    { queueCount: (count) => count + 1 },
  ),
  'vdpa-tells-no-largest-size': vdpaFault(
    'vk-vring/largest-size-is-told',
    'the largest ring size is told as 0',
    'identity',
    { largestSize: () => 0 },
  ),
  'vdpa-tells-more-configuration': vdpaFault(
    'vk-config/size-agrees-with-readable-bytes',
    'the size of configuration is told 4 bytes too large',
    'identity',
    { configSize: (size) => size + 4 },
  ),
  'vdpa-tells-a-longer-range': vdpaFault(
    'vk-iotlb/range-is-mapped-to-its-ends',
    'the range of I/O-virtual addresses is told one page too long',
    'identity',
    { range: ({ first, last }) => ({ first, last: last + 4096n }) },
  ),
  'vdpa-tells-groups-from-one-on': vdpaFault(
    'vk-groups/group-and-address-space-numbers-bounded',
    'groups are counted from 1 on',
    'identity',
    { groupOf: (group) => group + 1 },
  ),
  'vdpa-config-windows-are-unchecked': vdpaFault(
    'vk-config/empty-or-overlong-access-refused',
    'any window of configuration is taken',
    'config',
    { accepts: () => true },
  ),
  'vdpa-features-change-behind-features-ok': vdpaFault(
    'vk-features/features-fixed-after-features-ok',
    'SET_FEATURES is taken behind FEATURES_OK',
    'features',
    { changesAfterFeaturesOk: true },
  ),
  'vdpa-any-backend-features-are-taken': vdpaFault(
    'vk-features/unoffered-backend-features-refused',
    'SET_BACKEND_FEATURES is taken with any bits',
    'features',
    { acceptsBackend: () => true },
  ),
  'vdpa-offers-more-than-provisioned': vdpaFault(
    'vk-provision/features-are-those-provisioned',
    'a feature is offered that the device was not made with',
    'features',
    { offered: (ofParent) => vdpaRules.features.offered(ofParent) | VIRTIO_F_SR_IOV },
  ),
  'vdpa-status-bits-are-taken-back': vdpaFault(
    'vk-status/status-bit-removal-refused',
    'a status without a bit that is set is taken',
    'status',
    { acceptsRemoval: true },
  ),
  'vdpa-needs-reset-is-silent': vdpaFault(
    'status/needs-reset-is-notified',
    'DEVICE_NEEDS_RESET comes without a call of configuration',
    'status',
    { callsWhenBroken: false },
  ),
  'vdpa-config-writes-have-no-effect': vdpaFault(
    'blk/writeback-zero-or-one',
    'what is written to configuration has no effect',
    'config',
    { takesWrites: false },
  ),
  'vdpa-first-config-call-stays': vdpaFault(
    'vk-config/last-call-event-counts',
    'an event for the call of configuration that is set later has no effect',
    'config',
    { callIsReplaced: false },
  ),
  'vdpa-status-zero-is-not-shown': vdpaFault(
    'vk-status/status-zero-resets',
    'behind a write of 0 the status reads as before',
    'status',
    { afterZero: (before) => before },
  ),
  'vdpa-status-zero-resets-nothing': vdpaFault(
    'vk-status/status-zero-resets',
    'behind a write of 0 rings are as they were told',
    'status',
    { zeroResets: false },
  ),
} as const;
