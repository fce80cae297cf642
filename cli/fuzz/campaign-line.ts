import type { CampaignProgress } from '../../fuzz/campaign/campaign-options.ts';
import { counted } from '../counted.ts';
import { print } from '../terminal.ts';

const everyMs = 10_000;

/** How a campaign goes: one line that is written over on a terminal, and a line now and then elsewhere. */
export class CampaignLine {
  readonly #name: string;
  readonly #isTerminal = process.stdout.isTTY === true;
  #shownMs = 0;
  #hasLine = false;
  #last: CampaignProgress | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  show(progress: CampaignProgress): void {
    this.#last = progress;
    if (this.#isTerminal) {
      process.stdout.write(`\r\x1b[K${this.#text(progress)}`);
      this.#hasLine = true;
      return;
    }
    if (progress.elapsedMs < this.#shownMs) return;
    this.#shownMs = progress.elapsedMs + everyMs;
    print(this.#text(progress));
  }

  say(line: string): void {
    this.#clear();
    print(line);
  }

  /** The last line stays. */
  end(): void {
    this.#clear();
    if (this.#last !== undefined) print(this.#text(this.#last));
    this.#last = undefined;
  }

  #clear(): void {
    if (this.#hasLine) process.stdout.write('\r\x1b[K');
    this.#hasLine = false;
  }

  #text(progress: CampaignProgress): string {
    const { runs, elapsedMs, calls, judgedCalls, corpus, signals, edges, buckets, repeated, unconfirmed, restarts } =
      progress;
    const seconds = elapsedMs / 1000;
    return [
      `${this.#name}: ${Math.round(seconds)} s`,
      `${counted(runs, 'program')} (${Math.round(runs / Math.max(seconds, 0.001))} per s)`,
      `${Math.round((100 * judgedCalls) / Math.max(calls, 1))} % of calls lawful and known`,
      `corpus ${corpus}`,
      `${counted(signals, 'signal')}`,
      ...(edges === 0 ? [] : [counted(edges, 'edge')]),
      `${counted(buckets, 'bucket')} (${repeated} seen again, ${unconfirmed} unconfirmed)`,
      `${counted(restarts, 'restart')}`,
    ].join(', ');
  }
}
