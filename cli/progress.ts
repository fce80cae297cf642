import { createLogUpdate } from 'log-update';
import { type Outcome, outcomes } from '../reports/record/record.ts';
import { visibleLine, visibleText } from '../reports/visible-text.ts';
import { counted } from './counted.ts';

/** What is shown during a run. */
export interface Progress {
  /** A target serves, or one of several instances of it. */
  target(name: string, results: number, instance: number | undefined): void;
  begin(key: string, instance: number | undefined): void;
  /** An instance, or the only one, has nothing more to do. */
  leave(instance: number | undefined): void;
  finished(verdict: Outcome): void;
  /** A line that stays. */
  say(line: string): void;
  stop(): void;
}

const linesEveryMs = 5_000;
const redrawEveryMs = 100;
/** Some terminals tell a width of 0: nothing can be drawn there. */
const narrowest = 40;

/** A bar that is drawn over itself on a terminal, else plain lines: one every tenth, or after five seconds. */
export function progressOn(stream: NodeJS.WriteStream, total: number): Progress {
  const isTerminal = stream.isTTY === true && process.env['CI'] === undefined && process.env['TERM'] !== 'dumb';
  return isTerminal && stream.columns >= narrowest ? new ProgressBar(stream, total) : new ProgressLines(stream, total);
}

class Counts {
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

class ProgressLines implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #counts: Counts;
  #target = '';
  #saidTenth = 0;
  #saidAtMs = 0;

  constructor(stream: NodeJS.WriteStream, total: number) {
    this.#stream = stream;
    this.#counts = new Counts(total);
  }

  target(name: string, results: number, instance: number | undefined): void {
    this.#target = name;
    // The first instance may be at work before the last one serves.
    const which = instance === undefined ? '' : `, instance ${instance} serves`;
    this.say(`${name}: ${counted(results, 'result')} to come${which}`);
  }

  begin(): void {}

  leave(): void {}

  finished(verdict: Outcome): void {
    this.#counts.add(verdict);
    const { done, total, elapsedMs, text } = this.#counts;
    const tenth = Math.floor((done / total) * 10);
    if (tenth === this.#saidTenth && elapsedMs - this.#saidAtMs < linesEveryMs) return;
    this.#saidTenth = tenth;
    this.#saidAtMs = elapsedMs;
    this.say(`${this.#target}: ${done}/${total} ${clock(elapsedMs)} ${text}`);
  }

  say(line: string): void {
    this.#stream.write(`${visibleText(line)}\n`);
  }

  stop(): void {}
}

class ProgressBar implements Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #counts: Counts;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  #target = '';
  /** Of each instance, the key of the case that runs. */
  readonly #keys = new Map<number, string>();

  constructor(stream: NodeJS.WriteStream, total: number) {
    this.#stream = stream;
    this.#counts = new Counts(total);
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

  finished(verdict: Outcome): void {
    this.#counts.add(verdict);
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
    const { done, total, elapsedMs, text } = this.#counts;
    const width = this.#stream.columns;
    const head = `${bar(done, total, Math.min(30, width - 18))} ${done}/${total} ${clock(elapsedMs)}`;
    const running = [...this.#keys].sort(([a], [b]) => a - b);
    const [first = '', ...others] = running.map(([, key]) => `${this.#target}  ${key}`);
    const lines = [`${head}  ${text}`, first || this.#target, ...others];
    this.#draw(lines.map((line) => visibleLine(line).slice(0, width - 1)).join('\n'));
  }
}

function bar(done: number, total: number, width: number): string {
  const full = total === 0 ? width : Math.floor((done / total) * width);
  return `[${'█'.repeat(full)}${'·'.repeat(width - full)}]`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
