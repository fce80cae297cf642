import { type Outcome, outcomes } from '../reports/record/record.ts';
import { counted } from './counted.ts';

/** Results of one target, or of several. */
interface Share {
  done: number;
  readonly total: number;
}

/** More targets than these are not named each: those at their end and those not begun are added up. */
const mostNamed = 6;

/** How many results there are of each verdict and each target. */
export class ProgressCounts {
  readonly began = performance.now();
  readonly #byVerdict = new Map<Outcome, number>();
  readonly #byTarget: ReadonlyMap<string, Share>;

  /** @param totals how many results each target owes. */
  constructor(totals: ReadonlyMap<string, number>) {
    this.#byTarget = new Map([...totals].map(([target, total]) => [target, { done: 0, total }]));
  }

  add(target: string, verdict: Outcome): void {
    const share = this.#byTarget.get(target);
    if (share !== undefined) share.done++;
    this.#byVerdict.set(verdict, (this.#byVerdict.get(verdict) ?? 0) + 1);
  }

  get elapsedMs(): number {
    return performance.now() - this.began;
  }

  /** Of all targets. */
  get all(): Readonly<Share> {
    return sumOf([...this.#byTarget.values()]);
  }

  get hasSeveral(): boolean {
    return this.#byTarget.size > 1;
  }

  /** `reference 41/41, testpmd 3/80`: each target with its own. */
  get targets(): string {
    const shares = [...this.#byTarget];
    const named = ([target, { done, total }]: [string, Share]): string => `${target} ${done}/${total}`;
    if (shares.length <= mostNamed) return shares.map(named).join(', ');
    const added = (words: string, of: [string, Share][]): string[] => {
      const { done, total } = sumOf(of.map(([, share]) => share));
      return of.length === 0 ? [] : [`${counted(of.length, 'target')} ${words} ${done}/${total}`];
    };
    const isComplete = ([, { done, total }]: [string, Share]): boolean => done >= total;
    const isToCome = ([, { done, total }]: [string, Share]): boolean => done === 0 && total > 0;
    return [
      ...added('complete', shares.filter(isComplete)),
      ...shares.filter((one) => !isComplete(one) && !isToCome(one)).map(named),
      ...added('to come', shares.filter(isToCome)),
    ].join(', ');
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

function sumOf(shares: readonly Share[]): Share {
  return shares.reduce((sum, { done, total }) => ({ done: sum.done + done, total: sum.total + total }), {
    done: 0,
    total: 0,
  });
}

/** Minutes and seconds: `1:05`. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
