import { type Outcome, outcomes } from '../reports/record/record.ts';

/** How many results there are of each verdict. */
export class ProgressCounts {
  readonly total: number;
  readonly began = performance.now();
  readonly #byVerdict = new Map<Outcome, number>();
  done = 0;

  constructor(total: number) {
    this.total = total;
  }

  add(verdict: Outcome): void {
    this.done++;
    this.#byVerdict.set(verdict, (this.#byVerdict.get(verdict) ?? 0) + 1);
  }

  get elapsedMs(): number {
    return performance.now() - this.began;
  }

  /** `41 pass, 2 fail, 3 not-applicable`: what there is, worst last. */
  get text(): string {
    const parts = [...outcomes].reverse().flatMap((verdict) => {
      const count = this.#byVerdict.get(verdict) ?? 0;
      return count === 0 ? [] : [`${count} ${verdict}`];
    });
    return parts.join(', ');
  }
}

/** Minutes and seconds: `1:05`. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
