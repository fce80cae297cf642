import { featureMask } from '../../catalogue/feature-set.ts';
import { VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inNet, inQueue } from './device-fault.ts';

/** Feature bits of virtio that a device offers. */
export const virtioFeatureFaults = {
  'version-1-not-offered': deviceFault(
    'reserved/version-1-offered',
    'VERSION_1 is not offered',
    inQueue({ offered: (features) => features & ~VIRTIO_F_VERSION_1 }),
  ),
  'sr-iov-offered': deviceFault(
    'reserved/sr-iov-not-offered-otherwise',
    'SR_IOV is offered off PCI',
    inQueue({ offered: (features) => features | featureMask('VIRTIO_F_SR_IOV') }),
  ),
  'undefined-feature-offered': deviceFault(
    'features/no-undefined-bits-offered',
    'bit 49 is offered, which means nothing to any device',
    inQueue({ offered: (features) => features | (1n << 49n) }),
  ),
  'feature-offered-without-prerequisite': deviceFault(
    'features/offered-set-has-prerequisites',
    'HOST_ECN is offered without HOST_TSO4 and HOST_TSO6',
    inNet({ offered: (features) => features | featureMask('VIRTIO_NET_F_HOST_ECN') }),
  ),
} as const satisfies Record<string, DeviceFault>;
