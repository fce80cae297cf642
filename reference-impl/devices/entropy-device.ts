import { writePieces } from '../memory/pieces.ts';
import { type EntropyRules, entropyRules } from './entropy-rules.ts';
import type { StepOutcome } from './parent-driver.ts';
import { type Queue, QueuedDevice, type TransportRules, transportRules } from './queued-device.ts';

export const VIRTIO_ID_ENTROPY = 4;

/** Fills bytes with what is to pass for random. */
export type EntropySource = (bytes: Uint8Array) => void;

/** The same sequence for the same seed: for tests, and no use for anything that wants to be random. */
export function seededEntropy(seed: number): EntropySource {
  let state = seed | 1;
  return (bytes) => {
    for (let n = 0; n < bytes.length; n++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes[n] = state & 0xff;
    }
  };
}

export interface EntropyOptions {
  readonly source?: EntropySource;
  readonly rules?: EntropyRules;
  readonly transport?: TransportRules;
}

/** An entropy device (virtio 5.4): one queue, no features, no configuration. */
export class EntropyDevice extends QueuedDevice {
  readonly deviceId = VIRTIO_ID_ENTROPY;
  readonly #source: EntropySource;
  readonly #rules: EntropyRules;

  constructor({ source = seededEntropy(1), rules = entropyRules, transport = transportRules }: EntropyOptions = {}) {
    super(1, 0n, transport);
    this.#source = source;
    this.#rules = rules;
  }

  protected work(queue: Queue): StepOutcome {
    const ring = this.ringToProcess(queue, queue.isAwake);
    if (ring === undefined) return 'idle';
    const chain = this.take(queue, ring);
    if (chain === undefined) return 'idle';
    this.#rules.readable(chain.readableLength);
    const bytes = new Uint8Array(this.#rules.placed(chain.writableLength));
    this.#source(bytes);
    const written = writePieces(chain.writable, 0, this.#rules.drawn(bytes));
    this.complete(queue, ring, chain, this.#rules.told(written));
    return 'progressed';
  }
}
