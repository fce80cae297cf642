import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { DriverPort } from '../drivers/port/port.ts';
import { LawfulDraw } from '../fuzz/arbitraries/lawful-draw.ts';
import { SignalMap, signalsOf } from '../fuzz/campaign/signals.ts';
import { Examiner } from '../fuzz/executor/examiner.ts';
import { findingText } from '../fuzz/executor/finding.ts';
import { knownTarget } from '../fuzz/judging/known-target.ts';
import { mutant } from '../fuzz/mutators/mutant.ts';
import { Random } from '../fuzz/mutators/random.ts';
import { printTimedC } from '../fuzz/print-c/print-timed-c.ts';
import { recorded } from '../fuzz/print-c/record-program.ts';
import type { Recording } from '../fuzz/print-c/recording.ts';
import { printProgram } from '../fuzz/program/print-program.ts';
import type { Program } from '../fuzz/program/program.ts';
import { resolved } from '../fuzz/program/references.ts';
import { firstContacts } from '../judging/first-contact.ts';
import { buildPrinted } from './c-programs.ts';

/** Distinct programs with ring traffic, and how many have to be left of them. */
const wanted = 260;
const least = 200;
const quietRounds = 3;
const patience = 4;
const mostTried = 6000;

/** How a program is made: each time anew, as a campaign makes it. */
interface Made {
  readonly seed: number;
  readonly base: Program;
  readonly isMutated: boolean;
}

interface ShownInC {
  readonly kept: readonly Made[];
  readonly program: string;
  /** Places that the program leaves out, as words of its command. */
  readonly leftOut: readonly string[];
}

const wordsOf = (places: ReadonlySet<number>): string[] => [...places].map(String);

/** Places of programs in which something did not come. */
function placesIn(program: string, words: readonly string[]): number[] {
  // Where the back-end ends, so does the program; what came before counts.
  const { stdout } = spawnSync(program, words, { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

/**
 * Programs of a campaign on a back-end: made, executed, judged by the model, looked through for new signals, and liveness
 * asked behind each. Beside them a C program that sends the bytes which were recorded of them, liveness included.
 */
export class FuzzSessions {
  readonly #examiner: Examiner;
  /** Waits longer: a busy machine makes nothing silent. */
  readonly #chooser: Examiner;
  readonly #programs: readonly Made[];
  readonly #donors: readonly Program[];
  readonly program: string;
  /** Words of its command, behind how often it does all. */
  readonly leftOut: readonly string[];

  /** @param directory where the C program is made. Throws Error where the back-end does not serve. */
  constructor(port: DriverPort, socketPath: string, directory: string) {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const target = knownTarget(port, contact.offer);
    const options = { target, referenceMeetsDeadline: () => true };
    this.#examiner = new Examiner(port, options);
    this.#chooser = new Examiner(port, { ...options, patience });
    const lawful = new LawfulDraw(target);
    const random = new Random(1);
    this.#donors = Array.from({ length: 64 }, () => lawful.next(random) ?? { calls: [] });
    const steady = this.#chosen(lawful, random);
    const shown = this.#shownInC(port, socketPath, steady, join(directory, 'fuzz-sessions.c'));
    this.#programs = shown.kept;
    this.program = shown.program;
    this.leftOut = shown.leftOut;
  }

  get count(): number {
    return this.#programs.length;
  }

  /** Runs all programs so often. Nanoseconds for each program. */
  run(times: number): number {
    const signals = new SignalMap();
    const began = performance.now();
    for (let time = 0; time < times; time++) for (const made of this.#programs) this.#runOne(made, signals);
    return ((performance.now() - began) * 1e6) / times / this.#programs.length;
  }

  #runOne(made: Made, signals: SignalMap): void {
    const whole = resolved(this.#made(made));
    const finding = this.#examiner.examine(whole);
    if (finding !== undefined) throw new Error(`a program that found nothing: ${findingText(finding)}`);
    signals.add(signals.newIn(signalsOf(whole, this.#examiner.outcomes, this.#examiner.standings)));
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
      if (!whole.calls.some(({ kind }) => kind === 'chain')) continue;
      const text = printProgram(whole);
      if (texts.has(text) || !this.#isSteady(whole)) continue;
      texts.add(text);
      kept.push(made);
    }
    return kept;
  }

  /** The C program, and places of what it leaves out: what does not come there. Throws Error where few are left. */
  #shownInC(port: DriverPort, socketPath: string, all: readonly Made[], source: string): ShownInC {
    writeFileSync(source, printTimedC(all.map((made) => this.#recorded(port, made))));
    const program = buildPrinted(source);
    const leftOut = new Set<number>();
    for (let quiet = 0; quiet < quietRounds; ) {
      if (all.length - leftOut.size < least) {
        throw new Error(`${all.length - leftOut.size} programs can be used, and it should be ${least}`);
      }
      this.#chooser.restart();
      // The first place in which something did not come: what is behind it may be its fault.
      const [first] = placesIn(program, [socketPath, '0', ...wordsOf(leftOut)]);
      quiet = first === undefined ? quiet + 1 : 0;
      if (first === undefined) continue;
      leftOut.add(first);
    }
    return { kept: all.filter((_, place) => !leftOut.has(place)), program, leftOut: wordsOf(leftOut) };
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
