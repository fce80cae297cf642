import type { Outcome } from '../reports/record/record.ts';
import { visibleText } from '../reports/visible-text.ts';
import { counted } from './counted.ts';
import type { Progress } from './progress.ts';
import { clock, ProgressCounts } from './progress-counts.ts';

const linesEveryMs = 5_000;

/** Plain lines: one every tenth of the results, or after five seconds. */
export class ProgressLines implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #counts: ProgressCounts;
  #target = '';
  #saidTenth = 0;
  #saidAtMs = 0;

  constructor(stream: NodeJS.WriteStream, totals: ReadonlyMap<string, number>) {
    this.#stream = stream;
    this.#counts = new ProgressCounts(totals);
  }

  target(name: string, results: number, instance: number | undefined): void {
    this.#target = name;
    // The first instance may be at work before the last one serves.
    const which = instance === undefined ? '' : `, instance ${instance} serves`;
    this.say(`${name}: ${counted(results, 'result')} to come${which}`);
  }

  begin(): void {}

  leave(): void {}

  finished(target: string, verdict: Outcome): void {
    this.#counts.add(target, verdict);
    const { all, elapsedMs } = this.#counts;
    const { done, total } = all;
    const tenth = Math.floor((done / total) * 10);
    if (tenth === this.#saidTenth && elapsedMs - this.#saidAtMs < linesEveryMs) return;
    this.#saidTenth = tenth;
    this.#saidAtMs = elapsedMs;
    const { text, hasSeveral, targets } = this.#counts;
    const whose = hasSeveral ? `${targets}; together` : `${this.#target}:`;
    this.say(`${whose} ${done}/${total} ${clock(elapsedMs)} ${text}`);
  }

  say(line: string): void {
    this.#stream.write(`${visibleText(line)}\n`);
  }

  stop(): void {}
}
