import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** On a calm machine, processes that could run waited for a processor in no more than this part of the time. */
const calmPart = 0.1;

/** Says for how long, in microseconds since the machine began, some process waited for a processor; undefined if unknown. */
export type WaitedForProcessor = () => number | undefined;

/** By the kernel's pressure stall information. */
const fromPressure: WaitedForProcessor = () => {
  try {
    const [, total] = /^some .*total=(\d+)$/m.exec(readFileSync('/proc/pressure/cpu', 'latin1')) ?? [];
    return total === undefined ? undefined : Number(total);
  } catch {
    // The kernel keeps none, or shows none.
    return undefined;
  }
};

/** Whether the machine let everything run that could: what is late on it is late by its own doing. */
export class CalmMachine {
  readonly #waited: WaitedForProcessor;
  readonly #nowUs: () => number;
  #waitedAtBegin: number | undefined;
  #began = 0;

  constructor(waited: WaitedForProcessor = fromPressure, nowUs: () => number = () => performance.now() * 1000) {
    this.#waited = waited;
    this.#nowUs = nowUs;
  }

  begin(): void {
    this.#waitedAtBegin = this.#waited();
    this.#began = this.#nowUs();
  }

  /** Of the time since `begin`; false where the machine does not tell. */
  wasCalm(): boolean {
    const waited = this.#waited();
    if (waited === undefined || this.#waitedAtBegin === undefined) return false;
    return waited - this.#waitedAtBegin <= calmPart * (this.#nowUs() - this.#began);
  }
}
