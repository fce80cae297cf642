import type { BackEndEdge, DescriptorToken, SharedMemory } from './back-end-edge.ts';
import type { DescriptorRules } from './descriptor-rules.ts';
import { DirtyLog, type LogRules } from './dirty-log.ts';

/** The dirty log of a session, while there is one: where it is, and whether it is on. */
export class DirtyMarks {
  readonly #edge: BackEndEdge;
  readonly #rules: LogRules;
  readonly #descriptors: DescriptorRules;
  #log: DirtyLog | undefined;
  /** The descriptor of SET_LOG_FD: the text says nothing of what it is for. */
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
    if (this.#descriptors.closesReplaced) this.#edge.close(this.#signal);
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
    const { usedRingStart, usedRingByte } = this.#rules;
    this.#log?.mark(usedRingStart(log.address, usedAddress) + BigInt(usedRingByte(offset)), length);
  }

  release(): void {
    this.#log?.release();
    this.#edge.close(this.#signal);
  }

  get #isOn(): boolean {
    return this.#rules.isOn(this.isAcknowledged === true);
  }
}
