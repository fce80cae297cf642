import type { SharedMemory } from './back-end-edge.ts';
import { DirtyLog, type LogRules } from './dirty-log.ts';

/** The dirty log of a session, while there is one: where it is, and whether it is on. */
export class DirtyMarks {
  readonly #rules: LogRules;
  #log: DirtyLog | undefined;
  /** VHOST_F_LOG_ALL is acknowledged; undefined before SET_FEATURES, behind which alone a log is on. */
  isAcknowledged: boolean | undefined;

  constructor(rules: LogRules) {
    this.#rules = rules;
  }

  setLog(memory: SharedMemory): void {
    this.#log?.release();
    this.#log = new DirtyLog(memory, this.#rules);
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
  }

  get #isOn(): boolean {
    return this.#rules.isOn(this.isAcknowledged === true);
  }
}
