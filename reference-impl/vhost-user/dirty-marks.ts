import type { BackEndEdge, DescriptorToken, SharedMemory } from './back-end-edge.ts';
import type { DescriptorRules } from './descriptor-rules.ts';
import { DirtyLog, type LogRules } from './dirty-log.ts';

/** The dirty log of a session, while there is one: where it is, whether it is on, and who is told of changes. */
export class DirtyMarks {
  readonly #edge: BackEndEdge;
  readonly #rules: LogRules;
  readonly #descriptors: DescriptorRules;
  #log: DirtyLog | undefined;
  #signal: DescriptorToken | undefined;
  /** VHOST_F_LOG_ALL is acknowledged; undefined before SET_FEATURES, behind which alone a log is on. */
  isAcknowledged: boolean | undefined;

  constructor(edge: BackEndEdge, rules: LogRules, descriptors: DescriptorRules) {
    this.#edge = edge;
    this.#rules = rules;
    this.#descriptors = descriptors;
  }

  setLog(memory: SharedMemory): void {
    this.#log?.release();
    this.#log = new DirtyLog(memory, this.#rules);
  }

  setSignal(token: DescriptorToken): void {
    if (this.#signal !== undefined && this.#descriptors.closesReplaced) this.#edge.close(this.#signal);
    this.#signal = token;
  }

  /** Bytes of a buffer were written. */
  wrote(guestAddress: bigint, length: number): void {
    if (this.#isOn && this.#rules.marksBuffers) this.#log?.mark(guestAddress, length);
  }

  /** Bytes of a used ring were written, `offset` bytes into it. */
  wroteUsedRing(
    log: { address: bigint; isLogged: boolean },
    usedAddress: bigint,
    offset: number,
    length: number,
  ): void {
    if (!this.#isOn || !this.#rules.marksUsedRing(log.isLogged)) return;
    this.#log?.mark(this.#rules.usedRingStart(log.address, usedAddress) + BigInt(offset), length);
  }

  /** Tells of marks that were made since the last call. */
  announce(): void {
    if (this.#log?.takeChanged() !== true || this.#signal === undefined || !this.#rules.signals) return;
    this.#edge.signal(this.#signal);
  }

  release(): void {
    this.#log?.release();
    if (this.#signal !== undefined) this.#edge.close(this.#signal);
    this.#log = undefined;
    this.#signal = undefined;
  }

  get #isOn(): boolean {
    return this.#rules.isOn(this.isAcknowledged === true);
  }
}
