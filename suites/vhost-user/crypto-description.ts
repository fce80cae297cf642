import type { OutgoingMessage } from '../../drivers/port/port.ts';
import {
  VIRTIO_CRYPTO_CIPHER_AES_CBC,
  VIRTIO_CRYPTO_CIPHER_CREATE_SESSION,
  VIRTIO_CRYPTO_SYM_OP_CIPHER,
} from '../../reference-impl/devices/crypto-layout.ts';

/**
 * Descriptions of a crypto session. The text names one and does not say what it is made of, and implementations disagree:
 * on its size, on where the session id stands, and on an operation code ahead of the parameters.
 */
export interface DescriptionForm {
  readonly bytes: number;
  readonly sessionIdAt: number;
  readonly parametersAt: number;
  /** An operation code of so many bits stands there. */
  readonly opcode?: { readonly at: number; readonly bits: 32 | 64 };
  readonly keyAt: number;
}

/** The newest first. */
export const descriptionForms: readonly DescriptionForm[] = [
  { bytes: 1072, sessionIdAt: 1064, opcode: { at: 0, bits: 64 }, parametersAt: 8, keyAt: 56 },
  { bytes: 632, sessionIdAt: 0, parametersAt: 8, keyAt: 56 },
  { bytes: 632, sessionIdAt: 0, opcode: { at: 8, bits: 32 }, parametersAt: 12, keyAt: 56 },
];

export const cryptoDirections = { encrypt: 1, decrypt: 2 } as const;
export type CryptoDirection = keyof typeof cryptoDirections;

export interface SessionWish {
  readonly algorithm?: number;
  readonly direction?: CryptoDirection;
  readonly key?: Uint8Array;
}

/** Of the parameters: cipher, bytes of its key, what an operation is, and its direction. */
const parameter = { cipher: 0, keyLength: 4, operation: 24, direction: 25 } as const;
const anyKey = Uint8Array.from({ length: 16 }, (_, at) => at);

/** CREATE_CRYPTO_SESSION of a cipher alone, in one of the forms: AES in CBC mode that encrypts, unless told. */
export function createSession(
  { bytes, parametersAt, opcode, keyAt }: DescriptionForm,
  { algorithm = VIRTIO_CRYPTO_CIPHER_AES_CBC, direction = 'encrypt', key = anyKey }: SessionWish = {},
): OutgoingMessage {
  const payload = new Uint8Array(bytes);
  const view = new DataView(payload.buffer);
  view.setUint32(parametersAt + parameter.cipher, algorithm, true);
  view.setUint32(parametersAt + parameter.keyLength, key.length, true);
  view.setUint8(parametersAt + parameter.operation, VIRTIO_CRYPTO_SYM_OP_CIPHER);
  view.setUint8(parametersAt + parameter.direction, cryptoDirections[direction]);
  // The upper half of a code of 64 bits is 0.
  if (opcode !== undefined) view.setUint32(opcode.at, VIRTIO_CRYPTO_CIPHER_CREATE_SESSION, true);
  payload.set(key, keyAt);
  return { request: 'VHOST_USER_CREATE_CRYPTO_SESSION', payload };
}

export const closeSession = (id: bigint): OutgoingMessage => ({
  request: 'VHOST_USER_CLOSE_CRYPTO_SESSION',
  payload: { u64: BigInt.asUintN(64, id) },
});
