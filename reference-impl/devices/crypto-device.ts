import { fillPieces, gather, writePieces } from '../memory/pieces.ts';
import type { Chain } from '../virtqueue/chain.ts';
import { encodeStructure } from '../wire/structure.ts';
import { AES_BLOCK_SIZE } from './aes-cbc.ts';
import {
  CRYPTO_HEADER_SIZE,
  type CryptoOutcome,
  cryptoConfigLayout,
  decodeCryptoHeader,
  VIRTIO_CRYPTO_CIPHER_AES_CBC,
  VIRTIO_CRYPTO_CIPHER_DECRYPT,
  VIRTIO_CRYPTO_CIPHER_ENCRYPT,
  VIRTIO_CRYPTO_S_HW_READY,
  VIRTIO_CRYPTO_SERVICE_CIPHER,
  VIRTIO_CRYPTO_SYM_OP_CIPHER,
  VIRTIO_ID_CRYPTO,
} from './crypto-layout.ts';
import { type CryptoRules, cryptoRules } from './crypto-rules.ts';
import { CryptoSessions } from './crypto-sessions.ts';
import type { StepOutcome } from './parent-driver.ts';
import { plainSpace, type Queue, QueuedDevice, type TransportRules, transportRules } from './queued-device.ts';
import type { RegisteredDevice } from './registered-device.ts';

export interface CryptoOptions {
  readonly queues?: number;
  readonly rules?: CryptoRules;
  readonly transport?: TransportRules;
}

interface CryptoAnswer {
  readonly outcome: CryptoOutcome;
  readonly data?: Uint8Array;
}

const MAX_SIZE = 0x1_0000;
const MAX_KEY = 32;

const configOf = (queues: number): Uint8Array =>
  encodeStructure(cryptoConfigLayout, {
    status: VIRTIO_CRYPTO_S_HW_READY,
    maxDataqueues: queues,
    cryptoServices: 1 << VIRTIO_CRYPTO_SERVICE_CIPHER,
    cipherAlgoL: 1 << VIRTIO_CRYPTO_CIPHER_AES_CBC,
    cipherAlgoH: 0,
    hashAlgo: 0,
    macAlgoL: 0,
    macAlgoH: 0,
    aeadAlgo: 0,
    maxCipherKeyLen: MAX_KEY,
    maxAuthKeyLen: 0,
    akcipherAlgo: 0,
    maxSize: BigInt(MAX_SIZE),
  });

/** A crypto device (virtio 5.9) with one cipher, AES in CBC mode. It has data queues alone: sessions are made beside them. */
export class CryptoDevice extends QueuedDevice {
  readonly deviceId = VIRTIO_ID_CRYPTO;
  readonly cryptoSessions: CryptoSessions;
  readonly #rules: CryptoRules;

  constructor({ queues = 1, rules = cryptoRules, transport = transportRules }: CryptoOptions = {}) {
    super(queues, 0n, transport, plainSpace(configOf(queues)));
    this.cryptoSessions = new CryptoSessions(rules);
    this.#rules = rules;
  }

  override reset(): void {
    super.reset();
    this.cryptoSessions.forget();
  }

  protected work(queue: Queue): StepOutcome {
    const ring = this.ringToProcess(queue, queue.isAwake);
    if (ring === undefined) return 'idle';
    const chain = this.takeRequest(queue, ring);
    if (chain === undefined) return 'idle';
    if (chain === 'broken') return 'progressed';
    const { outcome, data } = this.#carryOut(chain);
    const written = data === undefined ? 0 : writePieces(chain.writable, 0, data);
    fillPieces(chain.writable, written, 0);
    writePieces(chain.writable, chain.writableLength - 1, Uint8Array.of(this.#rules.status(outcome)));
    this.complete(queue, ring, chain, chain.writableLength);
    return 'progressed';
  }

  #carryOut(chain: Chain): CryptoAnswer {
    const bytes = gather(chain.readable, 0, CRYPTO_HEADER_SIZE);
    if (bytes.length < CRYPTO_HEADER_SIZE) return { outcome: 'err' };
    const { opcode, sessionId, ivLength, sourceLength, targetLength, operation } = decodeCryptoHeader(bytes);
    const isKnown = opcode === VIRTIO_CRYPTO_CIPHER_ENCRYPT || opcode === VIRTIO_CRYPTO_CIPHER_DECRYPT;
    if (!isKnown || operation !== VIRTIO_CRYPTO_SYM_OP_CIPHER) return { outcome: 'notsupp' };
    const key = this.cryptoSessions.keyOf(sessionId);
    if (key === undefined) return { outcome: 'invsess' };
    const fits =
      ivLength === AES_BLOCK_SIZE &&
      sourceLength % AES_BLOCK_SIZE === 0 &&
      sourceLength <= MAX_SIZE &&
      targetLength === sourceLength &&
      chain.readableLength === CRYPTO_HEADER_SIZE + ivLength + sourceLength &&
      chain.writableLength === targetLength + 1;
    if (!fits) return { outcome: 'err' };
    const iv = gather(chain.readable, CRYPTO_HEADER_SIZE, ivLength);
    const source = gather(chain.readable, CRYPTO_HEADER_SIZE + ivLength, sourceLength);
    const direction = opcode === VIRTIO_CRYPTO_CIPHER_ENCRYPT ? 'encrypt' : 'decrypt';
    return { outcome: 'ok', data: this.#rules.cipher(direction, key, iv, source) };
  }
}

export const cryptoReference: RegisteredDevice<CryptoRules> = {
  rules: cryptoRules,
  queues: 2,
  make: (making) => new CryptoDevice(making),
};
