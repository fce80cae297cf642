import { z } from 'zod';
import { BlockDriver } from './block-driver.ts';
import { type BlockWorkload, blockWorkload, wholeDisk } from './block-workload.ts';
import { type DeviceType, deviceType, implementedByAll } from './device-type.ts';

/** Of a disk of which nothing is known, the first MiB is written. */
const external: BlockWorkload = { kind: 'block', queueIndex: 0, companions: [], sectors: 2048 };

export const blockType: DeviceType = deviceType({
  name: 'block',
  deviceId: 2,
  workload: blockWorkload,
  answers: { sectors: z.coerce.number().int().positive().optional() },
  external,
  ofReference: { ...external, ...wholeDisk(2048) },
  implemented: [
    ...implementedByAll,
    'VIRTIO_BLK_F_SIZE_MAX',
    'VIRTIO_BLK_F_SEG_MAX',
    'VIRTIO_BLK_F_GEOMETRY',
    'VIRTIO_BLK_F_BLK_SIZE',
    'VIRTIO_BLK_F_FLUSH',
    'VIRTIO_BLK_F_TOPOLOGY',
    'VIRTIO_BLK_F_CONFIG_WCE',
    'VIRTIO_BLK_F_MQ',
    'VIRTIO_BLK_F_DISCARD',
    'VIRTIO_BLK_F_WRITE_ZEROES',
    'VIRTIO_BLK_F_SECURE_ERASE',
  ],
  open: (binding) => new BlockDriver(binding),
});
