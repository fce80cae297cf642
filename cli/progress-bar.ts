import { createLogUpdate } from 'log-update';
import type { Outcome } from '../reports/record/record.ts';
import { visibleLine, visibleText } from '../reports/visible-text.ts';
import type { Progress } from './progress.ts';
import { clock, ProgressCounts } from './progress-counts.ts';

const redrawEveryMs = 100;

/** A bar that is drawn over itself on a terminal. */
export class ProgressBar implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #counts: ProgressCounts;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  #target = '';
  /** Of each instance, the key of the case that runs. */
  readonly #keys = new Map<number, string>();

  constructor(stream: NodeJS.WriteStream, totals: ReadonlyMap<string, number>) {
    this.#stream = stream;
    this.#counts = new ProgressCounts(totals);
    this.#draw = createLogUpdate(stream);
    // Redrawn by time and not by event: thousands of short cases must not wait for a terminal.
    this.#timer = setInterval(() => this.#redraw(), redrawEveryMs);
    this.#timer.unref();
  }

  target(name: string): void {
    this.#target = name;
    this.#redraw();
  }

  begin(key: string, instance = 0): void {
    this.#keys.set(instance, key);
  }

  leave(instance = 0): void {
    this.#keys.delete(instance);
  }

  finished(target: string, verdict: Outcome): void {
    this.#counts.add(target, verdict);
  }

  say(line: string): void {
    this.#draw.clear();
    this.#stream.write(`${visibleText(line)}\n`);
    this.#redraw();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#redraw();
    this.#draw.done();
  }

  #redraw(): void {
    const { all, elapsedMs, text, hasSeveral, targets } = this.#counts;
    const { done, total } = all;
    const width = this.#stream.columns;
    const head = `${bar(done, total, Math.min(30, width - 18))} ${done}/${total} ${clock(elapsedMs)}`;
    const running = [...this.#keys].sort(([a], [b]) => a - b);
    const [first = '', ...others] = running.map(([, key]) => `${this.#target}  ${key}`);
    const lines = [`${head}  ${text}`, ...(hasSeveral ? [targets] : []), first || this.#target, ...others];
    this.#draw(lines.map((line) => visibleLine(line).slice(0, width - 1)).join('\n'));
  }
}

function bar(done: number, total: number, width: number): string {
  const full = total === 0 ? width : Math.floor((done / total) * width);
  return `[${'█'.repeat(full)}${'·'.repeat(width - full)}]`;
}
