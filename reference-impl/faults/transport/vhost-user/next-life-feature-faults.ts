import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_RING_PACKED } from '../../../virtqueue/feature-bits.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, handling, vhostUserFault } from './vhost-user-fault.ts';

const requirement = 'vu-features/other-set-counts-at-next-start';

/** Once a ring ran, a bit of the device stays as it is, whatever SET_FEATURES says. */
const keeping = (bit: bigint): Change =>
  handling('VHOST_USER_SET_FEATURES', (right, { device, rings }) => {
    const kept = device.features & bit;
    const handled = right();
    if (rings.vrings.some(({ starts }) => starts > 0)) device.setFeatures((device.features & ~bit) | kept);
    return handled;
  });

/** Features of rings that stay those of an earlier life on the connection. */
export const nextLifeFeatureFaults = {
  'ring-layout-of-first-life-kept': vhostUserFault(
    requirement,
    'rings keep the layout of the first that ran on the connection',
    keeping(VIRTIO_F_RING_PACKED),
  ),
  'event-idx-of-first-life-kept': vhostUserFault(
    requirement,
    'rings have EVENT_IDX if the first that ran on the connection had it',
    keeping(VIRTIO_F_EVENT_IDX),
  ),
  'indirect-tables-of-first-life-refused': vhostUserFault(
    requirement,
    'indirect tables are refused if the first ring that ran on the connection had none',
    keeping(VIRTIO_F_INDIRECT_DESC),
  ),
} as const satisfies Record<string, VhostUserFault>;
