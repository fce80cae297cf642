import type { OutgoingMessage } from '../../drivers/port/port.ts';
import {
  VIRTIO_CRYPTO_CIPHER_ARC4,
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

export interface CryptoCipher {
  readonly algorithm: number;
  readonly keyBytes: number;
}

const aesCbc = 3;

export const ciphers: readonly CryptoCipher[] = [
  { algorithm: aesCbc, keyBytes: 16 },
  { algorithm: VIRTIO_CRYPTO_CIPHER_ARC4, keyBytes: 16 },
];

/** Of the parameters: cipher, bytes of its key, what an operation is, and its direction. */
const parameter = { cipher: 0, keyLength: 4, operation: 24, direction: 25 } as const;
const encrypts = 1;

/** A session of a cipher alone, in one of the forms. */
export class CryptoDescription {
  readonly form: DescriptionForm;
  readonly #cipher: CryptoCipher;

  constructor(form: DescriptionForm, cipher: CryptoCipher) {
    this.form = form;
    this.#cipher = cipher;
  }

  message(): OutgoingMessage {
    const { bytes, parametersAt, opcode, keyAt } = this.form;
    const payload = new Uint8Array(bytes);
    const view = new DataView(payload.buffer);
    view.setUint32(parametersAt + parameter.cipher, this.#cipher.algorithm, true);
    view.setUint32(parametersAt + parameter.keyLength, this.#cipher.keyBytes, true);
    view.setUint8(parametersAt + parameter.operation, VIRTIO_CRYPTO_SYM_OP_CIPHER);
    view.setUint8(parametersAt + parameter.direction, encrypts);
    // The upper half of a code of 64 bits is 0.
    if (opcode !== undefined) view.setUint32(opcode.at, VIRTIO_CRYPTO_CIPHER_CREATE_SESSION, true);
    for (let at = 0; at < this.#cipher.keyBytes; at++) payload[keyAt + at] = at;
    return { request: 'VHOST_USER_CREATE_CRYPTO_SESSION', payload };
  }
}
