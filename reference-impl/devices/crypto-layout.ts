import { compileLayout } from '../wire/compile-layout.ts';
import { u32, u64 } from '../wire/layout.ts';

/** Requests and configuration of the crypto device (virtio 5.9). All fields are little-endian. */

export const VIRTIO_ID_CRYPTO = 20;

export const VIRTIO_CRYPTO_S_HW_READY = 1;
/** Services, as bits of configuration and above the eight bits of an operation in opcodes. */
export const VIRTIO_CRYPTO_SERVICE_CIPHER = 0;
export const VIRTIO_CRYPTO_CIPHER_ENCRYPT = 0;
export const VIRTIO_CRYPTO_CIPHER_DECRYPT = 1;
export const VIRTIO_CRYPTO_CIPHER_CREATE_SESSION = 2;
export const VIRTIO_CRYPTO_CIPHER_AES_CBC = 3;
/** What a symmetric operation is: one of a cipher, or of a cipher with a hash or MAC. */
export const VIRTIO_CRYPTO_SYM_OP_CIPHER = 1;

export const cryptoStatus = { ok: 0, err: 1, badmsg: 2, notsupp: 3, invsess: 4 } as const;
export type CryptoOutcome = keyof typeof cryptoStatus;

export const cryptoConfigLayout = compileLayout('virtio_crypto_config', [
  u32('status'),
  u32('maxDataqueues'),
  u32('cryptoServices'),
  u32('cipherAlgoL'),
  u32('cipherAlgoH'),
  u32('hashAlgo'),
  u32('macAlgoL'),
  u32('macAlgoH'),
  u32('aeadAlgo'),
  u32('maxCipherKeyLen'),
  u32('maxAuthKeyLen'),
  u32('akcipherAlgo'),
  u64('maxSize'),
]);

/**
 * What stands ahead of initialisation vector and data in a request on a data queue: virtio_crypto_op_header, of 24 bytes,
 * and the fixed fields of the operation, of 48.
 */
export const CRYPTO_HEADER_SIZE = 72;
const field = { opcode: 0, sessionId: 8, ivLength: 24, sourceLength: 28, targetLength: 32, operation: 64 } as const;

export interface CryptoHeader {
  readonly opcode: number;
  readonly sessionId: bigint;
  readonly ivLength: number;
  readonly sourceLength: number;
  readonly targetLength: number;
  readonly operation: number;
}

/** Of at least 72 bytes. */
export function decodeCryptoHeader(bytes: Uint8Array): CryptoHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    opcode: view.getUint32(field.opcode, true),
    sessionId: view.getBigUint64(field.sessionId, true),
    ivLength: view.getUint32(field.ivLength, true),
    sourceLength: view.getUint32(field.sourceLength, true),
    targetLength: view.getUint32(field.targetLength, true),
    operation: view.getUint32(field.operation, true),
  };
}

export function encodeCryptoHeader(header: CryptoHeader): Uint8Array {
  const bytes = new Uint8Array(CRYPTO_HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(field.sessionId, header.sessionId, true);
  for (const name of ['opcode', 'ivLength', 'sourceLength', 'targetLength', 'operation'] as const) {
    view.setUint32(field[name], header[name], true);
  }
  return bytes;
}
