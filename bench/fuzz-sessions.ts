import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { DriverPort } from '../drivers/port/port.ts';
import { LawfulDraw } from '../fuzz/arbitraries/lawful-draw.ts';
import { SignalMap, signalsOf } from '../fuzz/campaign/signals.ts';
import { Examiner } from '../fuzz/executor/examiner.ts';
import { type Finding, findingText } from '../fuzz/executor/finding.ts';
import { knownTarget } from '../fuzz/judging/known-target.ts';
import { mutant } from '../fuzz/mutators/mutant.ts';
import { Random } from '../fuzz/mutators/random.ts';
import { printTimedC } from '../fuzz/print-c/print-timed-c.ts';
import { recorded } from '../fuzz/print-c/record-program.ts';
import type { Recording } from '../fuzz/print-c/recording.ts';
import { printProgram } from '../fuzz/program/print-program.ts';
import type { Call, Program } from '../fuzz/program/program.ts';
import { resolved } from '../fuzz/program/references.ts';
import { firstContacts } from '../judging/first-contact.ts';
import { buildPrinted } from './c-programs.ts';

/** Distinct programs with ring traffic, and how many have to be left of them. */
const wanted = 300;
const least = 200;
const patience = 4;
const mostTried = 6000;
/** Passes over all programs in which none may differ, ahead of what is measured. */
const settling = { ours: 4, c: 20 };

/** How a program is made: each time anew, as a campaign makes it. */
interface Made {
  readonly seed: number;
  readonly base: Program;
  readonly isMutated: boolean;
}

/** A program does not do the same each time: it is left out from now on, and what was just measured counts no more. */
export class UnsteadyProgram extends Error {}

interface TimedInC {
  readonly nanoseconds: number;
  /** Place of the program in which an answer or a used element did not come: the run ended there. */
  readonly lacking: number | undefined;
}

function timedInC(program: string, words: readonly string[]): TimedInC {
  const { stdout } = spawnSync(program, words, { encoding: 'utf8', timeout: 240_000 });
  const [nanoseconds = Number.NaN, lacking] = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
  if (!(nanoseconds > 0)) throw new Error(`${program} ${words.join(' ')} printed ${JSON.stringify(stdout)}`);
  return { nanoseconds, lacking };
}

/**
 * Programs of a campaign on a back-end: made, executed, judged by the model, looked through for new signals, and liveness
 * asked behind each. Beside them a C program that sends the bytes which were recorded of them, liveness included.
 */
export class FuzzSessions {
  readonly #examiner: Examiner;
  /** Waits longer: a busy machine makes nothing silent. */
  readonly #chooser: Examiner;
  readonly #donors: readonly Program[];
  readonly #all: readonly Made[];
  readonly #program: string;
  readonly #socketPath: string;
  readonly #leftOut = new Set<number>();

  /** @param directory where the C program is made. Throws Error where the back-end does not serve. */
  constructor(port: DriverPort, socketPath: string, directory: string) {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const target = knownTarget(port, contact.offer);
    const options = { target, referenceMeetsDeadline: () => true, leavesCauses: true };
    this.#examiner = new Examiner(port, options);
    this.#chooser = new Examiner(port, { ...options, patience });
    this.#socketPath = socketPath;
    const lawful = new LawfulDraw(target);
    const random = new Random(1);
    this.#donors = Array.from({ length: 64 }, () => lawful.next(random) ?? { calls: [] });
    this.#all = this.#chosen(lawful, random);
    const source = join(directory, 'fuzz-sessions.c');
    writeFileSync(source, printTimedC(this.#all.map((made) => this.#recorded(port, made))));
    this.#program = buildPrinted(source);
    this.#chooser.restart();
  }

  /** Programs that are run, and those that were left out since they were chosen. */
  get counts(): { readonly kept: number; readonly leftOut: number } {
    return { kept: this.#all.length - this.#leftOut.size, leftOut: this.#leftOut.size };
  }

  /**
   * Runs all programs some times on either side. Throws UnsteadyProgram where one differs: so most are known by passes
   * that are short, and not by a measure that begins anew.
   */
  settle(): void {
    this.run(settling.ours);
    this.runInC(settling.c);
  }

  /** Runs all programs so often. Nanoseconds for each program. Throws UnsteadyProgram where one finds something. */
  run(times: number): number {
    const signals = new SignalMap();
    const began = performance.now();
    for (let time = 0; time < times; time++) {
      for (const [place, made] of this.#all.entries()) {
        if (this.#leftOut.has(place)) continue;
        const finding = this.#runOne(made, signals);
        if (finding === undefined) continue;
        this.#chooser.restart();
        this.#leaveOut(place, findingText(finding));
      }
    }
    return ((performance.now() - began) * 1e6) / times / this.counts.kept;
  }

  /** The same in C. Throws UnsteadyProgram where something did not come. */
  runInC(times: number): number {
    const words = [this.#socketPath, `${times}`, ...[...this.#leftOut].map(String)];
    const { nanoseconds, lacking } = timedInC(this.#program, words);
    if (lacking !== undefined) this.#leaveOut(lacking, 'what came when it was recorded did not come in C');
    return nanoseconds;
  }

  #leaveOut(place: number, why: string): never {
    this.#leftOut.add(place);
    const { kept } = this.counts;
    if (kept < least) throw new Error(`${kept} programs can be used, and it should be ${least}: ${why}`);
    const made = this.#all[place];
    throw new UnsteadyProgram(made === undefined ? why : `${why}:\n${printProgram(this.#made(made))}`);
  }

  #runOne(made: Made, signals: SignalMap): Finding | undefined {
    const whole = resolved(this.#made(made));
    const finding = this.#examiner.examine(whole);
    signals.add(signals.newIn(signalsOf(whole, this.#examiner.outcomes, this.#examiner.standings)));
    return finding;
  }

  #made({ seed, base, isMutated }: Made): Program {
    const { calls } = isMutated ? mutant(new Random(seed), base, this.#donors) : base;
    // Whether a kick is asked for is another thing each time.
    return { calls: calls.map((call) => (call.kind === 'kick' ? { ...call, asked: false } : call)) };
  }

  /** Half of them lawful, half mutants of those; what finds something, is silent, closed or moves no chain is left out. */
  #chosen(lawful: LawfulDraw, random: Random): Made[] {
    const kept: Made[] = [];
    const texts = new Set<string>();
    for (let tried = 0; tried < mostTried && kept.length < wanted; tried++) {
      const base = lawful.next(random) ?? { calls: [] };
      const made = { seed: random.next() | 0, base, isMutated: tried % 2 === 1 };
      const whole = resolved(this.#made(made));
      if (!awaitsWhatItKicks(whole)) continue;
      const text = printProgram(whole);
      if (texts.has(text) || !this.#isSteady(whole)) continue;
      texts.add(text);
      kept.push(made);
    }
    return kept;
  }

  #recorded(port: DriverPort, made: Made): Recording {
    const recording = recorded(port, [resolved(this.#made(made))], { liveness: true });
    if (recording === undefined) throw new Error('this transport cannot be recorded');
    return recording;
  }

  /** Some end the back-end now and then. */
  #isSteady(whole: Program): boolean {
    for (const examiner of [this.#examiner, this.#chooser, this.#chooser]) {
      if (!this.#isUseful(whole, examiner)) return false;
    }
    return true;
  }

  #isUseful(whole: Program, examiner: Examiner): boolean {
    if (examiner.examine(whole) !== undefined) {
      examiner.restart();
      return false;
    }
    const { outcomes } = examiner;
    let added = 0;
    let used = 0;
    for (let place = 0; place < outcomes.count; place++) {
      const outcome = outcomes.classOf(place);
      if (outcome === 'silent' || outcome === 'closed') return false;
      if (whole.calls[place]?.kind === 'chain' && outcome === 'made') added++;
      used += outcomes.usedCountOf(place);
    }
    // Requests in flight when a ring stops come now and then later.
    return used > 0 && used === added;
  }
}

/** Calls that leave what a ring does as it is. */
const quietCalls: ReadonlySet<Call['kind']> = new Set(['fence', 'read-config', 'ask', 'ring', 'memory']);

/**
 * Whether a program has chains, and what comes of them does not depend on when the back-end looks at the ring: each is
 * followed by a kick before used elements are waited for, and these are all waited for before anything else is done.
 */
function awaitsWhatItKicks({ calls }: Program): boolean {
  let hasChains = false;
  /** By queue: chains that were added since the last kick, and those that were kicked and not waited for. */
  const unkicked = new Map<number, number>();
  const kicked = new Map<number, number>();
  for (const call of calls) {
    if (call.kind === 'chain') {
      hasChains = true;
      unkicked.set(call.queue, (unkicked.get(call.queue) ?? 0) + 1);
    } else if (call.kind === 'kick') {
      kicked.set(call.queue, (kicked.get(call.queue) ?? 0) + (unkicked.get(call.queue) ?? 0));
      unkicked.delete(call.queue);
    } else if (call.kind === 'wait') {
      if (unkicked.has(call.queue)) return false;
      const left = (kicked.get(call.queue) ?? 0) - call.count;
      if (left > 0) kicked.set(call.queue, left);
      else kicked.delete(call.queue);
    } else if (!quietCalls.has(call.kind) && unkicked.size + kicked.size > 0) return false;
  }
  return hasChains && unkicked.size + kicked.size === 0;
}
