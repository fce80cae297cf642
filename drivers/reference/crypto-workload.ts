import {
  encodeCryptoHeader,
  VIRTIO_CRYPTO_CIPHER_ENCRYPT,
  VIRTIO_CRYPTO_SYM_OP_CIPHER,
} from '../../reference-impl/devices/crypto-layout.ts';
import type { WorkloadFacts } from '../port/target-facts.ts';

const bytes = 64;

/** A request of a session that was never made: without one there is no other. It fails, and is answered. */
const header = encodeCryptoHeader({
  opcode: VIRTIO_CRYPTO_CIPHER_ENCRYPT,
  sessionId: 0xffff_ffffn,
  ivLength: 0,
  sourceLength: bytes,
  targetLength: bytes,
  operation: VIRTIO_CRYPTO_SYM_OP_CIPHER,
});

/** What a crypto device of the reference does with a buffer: we have no driver of it. */
export const cryptoWorkload = {
  kind: 'generic',
  queueIndex: 0,
  companions: [],
  request: {
    readable: Buffer.concat([header, new Uint8Array(bytes)]).toString('hex'),
    writable: bytes + 1,
    writes: { least: bytes + 1, most: bytes + 1 },
  },
} as const satisfies WorkloadFacts;
