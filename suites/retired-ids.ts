/**
 * Ids of cases that moved, each with the cases that prove the same now. An id is never used again: what names a retired
 * one (`--case`, expectations, verdicts that were kept) means its successors.
 */
export const retiredIds: Readonly<Record<string, readonly string[]>> = {
  'vhost-user/block-config/capacity-counts-512-byte-sectors': ['virtio/block/capacity-counts-512-byte-sectors'],
  'vhost-user/block-config/padding-is-zero': ['virtio/block/config-padding-is-zero'],
  'vhost-user/block-config/writeback-is-zero-without-flush': ['virtio/block/writeback-is-zero-without-flush'],
  'vhost-user/block-config/zoned-is-offered-by-zoned-devices-only': [
    'virtio/block/zoned-is-offered-by-zoned-devices-only',
  ],
  'vhost-user/config/fields-are-readable-before-features-are-set': [
    'virtio/config/fields-are-readable-before-features-are-set',
  ],
  'vhost-user/device-status/broken-device-says-that-it-needs-reset': [
    'virtio/status/broken-device-says-that-it-needs-reset',
  ],
  'vhost-user/device-status/no-buffers-before-driver-ok': ['virtio/status/no-buffers-before-driver-ok'],
  'vhost-user/header/undersized-payload-is-refused': ['vhost-user/header/undersized-payload-is-survived'],
  'vhost-user/device-status/quiet-after-reset': ['vhost-user/device-status/quiet-after-status-zero'],
  'vhost-user/net-config/max-virtqueue-pairs-is-bounded': ['virtio/net/max-virtqueue-pairs-is-bounded'],
  'vhost-user/net-config/mtu-is-bounded': ['virtio/net/mtu-is-bounded'],
  'vhost-user/net-config/mtu-is-enough-for-ipv6': ['virtio/net/mtu-is-enough-for-ipv6'],
  'vhost-user/net-config/mtu-never-changes': ['virtio/net/mtu-never-changes'],
  'vhost-user/memory-slots/removal-with-a-descriptor-is-accepted': [
    'vhost-user/memory-slots/removal-with-a-descriptor-is-survived',
  ],
  'vhost-vdpa/memory/invalidated-memory-is-not-written': ['vhost-kernel/memory/invalidated-memory-is-not-written'],
  'vhost-vdpa/memory/read-only-memory-is-not-written': ['vhost-kernel/memory/read-only-memory-is-not-written'],
  'vhost-vdpa/owner/calls-on-rings-wait-for-an-owner': ['vhost-kernel/owner/calls-on-rings-wait-for-an-owner'],
  'vhost-vdpa/owner/second-owner-is-refused': ['vhost-kernel/owner/second-owner-is-refused'],
  'vhost-vdpa/calls/bad-pointers-are-refused': ['vhost-kernel/calls/bad-pointers-are-refused'],
  'vhost-vdpa/calls/unknown-calls-are-refused': ['vhost-kernel/calls/unknown-calls-are-refused'],
  'vhost-vdpa/features/unoffered-backend-features-are-refused': [
    'vhost-kernel/features/unoffered-backend-features-are-refused',
  ],
  'vhost-vdpa/vring/numbers-beyond-the-last-are-refused': ['vhost-kernel/vring/numbers-beyond-the-last-are-refused'],
  'vhost-vdpa/vring/bad-sizes-are-refused': ['vhost-kernel/vring/bad-sizes-are-refused'],
  'vhost-vdpa/vring/unknown-address-flags-are-refused': ['vhost-kernel/vring/unknown-address-flags-are-refused'],
  'vhost-vdpa/vring/misaligned-addresses-are-refused': ['vhost-kernel/vring/misaligned-addresses-are-refused'],
  'vhost-vdpa/vring/split-bases-have-16-bits': ['vhost-kernel/vring/split-bases-have-16-bits'],
  'vhost-vdpa/vring/base-reads-back': ['vhost-kernel/vring/base-reads-back'],
  'vhost-vdpa/vring/other-descriptors-are-no-events': ['vhost-kernel/vring/other-descriptors-are-no-events'],
  'vhost-vdpa/vring/call-that-was-taken-away-is-not-signalled': [
    'vhost-kernel/vring/call-that-was-taken-away-is-not-signalled',
  ],
  'vhost-vdpa/vring/replaced-events-are-let-go': ['vhost-kernel/vring/replaced-events-are-let-go'],
  'virtio/reset/quiet-after-status-zero': ['vhost-user/device-status/quiet-after-status-zero'],
  'virtio/reset/status-is-zero-after-reset': ['vhost-user/status/status-zero-resets'],
  'vhost-user/device-state/answer-with-an-error-says-that-it-has-no-descriptor': [
    'vhost-user/device-state/answer-with-an-error-carries-no-descriptor',
  ],
};

/** A pattern with the ids that took the place of a retired one; brackets of a key stay. Undefined for any other pattern. */
export function successorsOf(
  pattern: string,
  retired: Readonly<Record<string, readonly string[]>> = retiredIds,
): string[] | undefined {
  const bracket = pattern.indexOf('[');
  const id = bracket < 0 ? pattern : pattern.slice(0, bracket);
  const rest = bracket < 0 ? '' : pattern.slice(bracket);
  return Object.hasOwn(retired, id) ? retired[id]?.map((successor) => successor + rest) : undefined;
}
