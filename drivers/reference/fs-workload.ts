import {
  encodeFuseRequest,
  FUSE_OUT_SIZE,
  FUSE_ROOT,
  fuseOpcodes,
  fuseSizes,
} from '../../reference-impl/devices/fuse-layout.ts';
import type { WorkloadFacts } from '../port/target-facts.ts';

const attributesOfRoot = encodeFuseRequest(
  { opcode: fuseOpcodes.getattr, unique: 1n, node: FUSE_ROOT },
  new Uint8Array(fuseSizes.getattrIn),
  true,
);

/**
 * What a file system device does with a buffer: we have no driver of it. FUSE_GETATTR of the root, which is answered by an
 * error ahead of FUSE_INIT. Ring 0 has the requests of high priority (virtio 5.11.2).
 */
export const fsWorkload = {
  kind: 'generic',
  queueIndex: 1,
  companions: [0],
  request: {
    readable: Buffer.from(attributesOfRoot).toString('hex'),
    writable: FUSE_OUT_SIZE + fuseSizes.attrOut,
    writes: { least: FUSE_OUT_SIZE, most: FUSE_OUT_SIZE + fuseSizes.attrOut },
  },
} as const satisfies WorkloadFacts;
