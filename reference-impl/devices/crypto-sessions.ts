import {
  VIRTIO_CRYPTO_CIPHER_AES_CBC,
  VIRTIO_CRYPTO_CIPHER_CREATE_SESSION,
  VIRTIO_CRYPTO_SYM_OP_CIPHER,
} from './crypto-layout.ts';

/** What a session is to be, out of whichever description carried it. */
export interface CryptoSessionWish {
  /** The operation that makes a session; undefined where the description has no field for it. */
  readonly opcode?: bigint;
  readonly cipher: number;
  readonly keyLength: number;
  /** One of a cipher alone, or of a cipher with a hash or MAC. */
  readonly operation: number;
  /** The bytes that the key begins in. */
  readonly key: Uint8Array;
}

/** How sessions are made and named. */
export interface CryptoSessionRules {
  readonly accepts: (wish: CryptoSessionWish) => boolean;
  /** The id of a session, given how many were made before it. */
  readonly idOf: (made: number) => bigint;
  /** What is told in place of an id where there is no session. */
  readonly failure: bigint;
  readonly most: number;
}

const keyLengths: readonly number[] = [16, 32];

export const cryptoSessionRules: CryptoSessionRules = {
  accepts: ({ opcode, cipher, keyLength, operation }) =>
    (opcode === undefined || opcode === BigInt(VIRTIO_CRYPTO_CIPHER_CREATE_SESSION)) &&
    operation === VIRTIO_CRYPTO_SYM_OP_CIPHER &&
    cipher === VIRTIO_CRYPTO_CIPHER_AES_CBC &&
    keyLengths.includes(keyLength),
  idOf: (made) => BigInt(made),
  failure: -1n,
  most: 256,
};

/** The sessions of a crypto device, by id: over vhost-user the front-end makes them, whose the control queue is. */
export class CryptoSessions {
  readonly #rules: CryptoSessionRules;
  readonly #keys = new Map<bigint, Uint8Array>();
  #made = 0;

  constructor(rules: CryptoSessionRules) {
    this.#rules = rules;
  }

  /** The id of a new session, or what tells that there is none. */
  create(wish: CryptoSessionWish): bigint {
    if (!this.#rules.accepts(wish) || this.#keys.size >= this.#rules.most) return this.#rules.failure;
    const id = this.#rules.idOf(this.#made++);
    this.#keys.set(id, wish.key.slice(0, wish.keyLength));
    return id;
  }

  /** Whether there was such a session. */
  close(id: bigint): boolean {
    return this.#keys.delete(id);
  }

  keyOf(id: bigint): Uint8Array | undefined {
    return this.#keys.get(id);
  }

  forget(): void {
    this.#keys.clear();
    this.#made = 0;
  }
}
