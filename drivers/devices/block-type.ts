import { z } from 'zod';
import { BlockDriver } from './block-driver.ts';
import { type BlockWorkload, blockWorkload } from './block-workload.ts';
import { type DeviceType, deviceType, implementedByAll } from './device-type.ts';

/** The first MiB is written. */
const facts: BlockWorkload = { kind: 'block', queueIndex: 0, companions: [], sectors: 2048 };

export const blockType: DeviceType = deviceType({
  name: 'block',
  deviceId: 2,
  workload: blockWorkload,
  answers: { sectors: z.coerce.number().int().positive().optional() },
  external: facts,
  ofReference: facts,
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
