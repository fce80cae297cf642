import { flowOf } from './net-flow.ts';
import { type HashConfig, hashOf, type PacketHash } from './net-hash.ts';
import { HASH_FIELDS_SIZE } from './net-layout.ts';
import type { RssConfig } from './rss-config.ts';

/** Which receive queue a frame gets where a driver may have several pairs (virtio 5.1.9.5.5 to 5.1.9.5.7), and its hash. Pairs count from 0. */

/** What steering does by choice; a fault replaces one entry. */
export interface SteeringRules {
  /** The pair of a frame before any command; so many came before it, and there are `most` pairs. */
  readonly pairAtFirst: (most: number, frames: number) => number;
  /** The pair that a flow is known by, once it was sent on pair `sent`; before, it was by `known`. */
  readonly learned: (sent: number, known: number | undefined) => number;
  /** The pair of a frame whose flow is known by pair `known`, where `pairs` of `most` are in use; `frames` came before. */
  readonly pairOf: (known: number, pairs: number, most: number, frames: number) => number;
  /** Whether frames for a queue that is being reset go to another one. */
  readonly avoidsReset: () => boolean;
  /** Pairs in use behind a command that asks for so many. */
  readonly pairsFor: (asked: number) => number;
  /** The hash of a packet; undefined where no type that is enabled is its own. */
  readonly hash: (frame: Uint8Array, config: HashConfig) => PacketHash | undefined;
  /** The entry of an indirection table for a hash. */
  readonly tableIndex: (hash: number, mask: number) => number;
  /** The pair for packets without a hash, of what was configured. */
  readonly unclassified: (configured: number) => number;
  /** Whether packets that RSS directs to a queue in reset are dropped. */
  readonly dropsInReset: () => boolean;
  /** Whether the commands that configure RSS, and hashes alone, are known to a device of so many pairs. */
  readonly knowsRss: (pairs: number) => boolean;
  readonly knowsHash: (pairs: number) => boolean;
  /** hash_value, hash_report and padding of a received packet. */
  readonly hashFields: (hash: PacketHash | undefined) => Uint8Array;
}

export const steeringRules: SteeringRules = {
  pairAtFirst: () => 0,
  learned: (sent) => sent,
  pairOf: (known, pairs) => known % pairs,
  avoidsReset: () => true,
  pairsFor: (asked) => asked,
  hash: hashOf,
  tableIndex: (hash, mask) => hash & mask,
  unclassified: (configured) => configured,
  dropsInReset: () => true,
  knowsRss: () => true,
  knowsHash: () => true,
  hashFields: (hash) => {
    const view = new DataView(new ArrayBuffer(HASH_FIELDS_SIZE));
    if (hash !== undefined) {
      view.setUint32(0, hash.value, true);
      view.setUint16(4, hash.report, true);
    }
    return new Uint8Array(view.buffer);
  },
};

/** No type is enabled. */
const noHashes: HashConfig = { types: 0, key: new Uint8Array() };

export class Steering {
  readonly #most: number;
  readonly #rules: SteeringRules;
  /** Pairs in use; undefined until a command came. */
  #pairs: number | undefined;
  /** The pair by which a flow is known. */
  readonly #flows = new Map<string, number>();
  #frames = 0;
  #hashes = noHashes;
  /** Where the last command set receive-side scaling. */
  #rss: RssConfig | undefined;

  constructor(most: number, rules: SteeringRules) {
    this.#most = most;
    this.#rules = rules;
  }

  reset(): void {
    this.#pairs = undefined;
    this.#flows.clear();
    this.#frames = 0;
    this.#hashes = noHashes;
    this.#rss = undefined;
  }

  get most(): number {
    return this.#most;
  }

  /** Uses so many pairs from now on; false, and nothing changed, where there are not so many. */
  setPairs(asked: number): boolean {
    if (asked < 1 || asked > this.#most) return false;
    this.#pairs = this.#rules.pairsFor(asked);
    this.#rss = undefined;
    return true;
  }

  /** From now on packets are hashed so; false where the command is not known. */
  setHashes(hashes: HashConfig): boolean {
    if (!this.#rules.knowsHash(this.#most)) return false;
    this.#hashes = hashes;
    return true;
  }

  /** From now on packets are hashed and directed so; false where the command is not known. */
  setRss(rss: RssConfig): boolean {
    if (!this.#rules.knowsRss(this.#most)) return false;
    this.#hashes = this.#rss = rss;
    return true;
  }

  /** The fields of the hash in the header of a packet that came in. */
  hashFieldsOf(frame: Uint8Array): Uint8Array {
    return this.#rules.hashFields(this.#rules.hash(frame, this.#hashes));
  }

  /** A frame was sent on a pair. */
  sent(frame: Uint8Array, pair: number): void {
    const flow = flowOf(frame);
    this.#flows.set(flow, this.#rules.learned(pair, this.#flows.get(flow)));
  }

  /** The pair for a frame that comes in; `isEnabled` says of which the receive queue is no queue in reset. */
  pairOf(frame: Uint8Array, isEnabled: (pair: number) => boolean): number {
    const { pairAtFirst, pairOf, avoidsReset } = this.#rules;
    const frames = this.#frames++;
    if (this.#rss !== undefined) {
      const chosen = this.#directed(frame, this.#rss);
      return isEnabled(chosen) || this.#rules.dropsInReset() ? chosen : 0;
    }
    if (this.#pairs === undefined) return pairAtFirst(this.#most, frames);
    const chosen = pairOf(this.#flows.get(flowOf(frame)) ?? 0, this.#pairs, this.#most, frames);
    if (isEnabled(chosen) || !avoidsReset()) return chosen;
    for (let pair = 0; pair < this.#pairs; pair++) if (isEnabled(pair)) return pair;
    return chosen;
  }
  #directed(frame: Uint8Array, rss: RssConfig): number {
    const hash = this.#rules.hash(frame, rss);
    if (hash === undefined) return this.#rules.unclassified(rss.unclassified);
    return rss.table[this.#rules.tableIndex(hash.value, rss.mask)] ?? rss.unclassified;
  }
}
