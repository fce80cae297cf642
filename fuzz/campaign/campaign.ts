import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { LawfulDraw } from '../arbitraries/lawful-draw.ts';
import type { Examiner } from '../executor/examiner.ts';
import { mutant } from '../mutators/mutant.ts';
import { Random } from '../mutators/random.ts';
import { isJudged, type Standing } from '../program/lawfulness.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import type { CampaignListener, CampaignOptions } from './campaign-options.ts';
import { type CampaignState, readState, withMoment, writeState } from './campaign-state.ts';
import { cellOf } from './cells.ts';
import { Corpus } from './corpus.ts';
import { Findings } from './findings.ts';
import { instanceDirectory, untriagedDirectory } from './instances.ts';
import { Journal } from './journal.ts';
import { SignalMap, signalsOf } from './signals.ts';

/** A process runs so many programs. */
const programsOfProcess = 1000;
/** One in so many programs is made as a lawful one, and half of those are then mutated. */
const lawfulTimes = 2;
/** Where most are drawn: one in so many is a mutant of the corpus, and one in so many of the others is mutated. */
const mutantTimes = 6;
const stateEveryMs = 2000;
const corpusEveryMs = 10_000;
const progressEveryMs = 500;
/** Runs of a program that reached something new: what does not come each time is masked. */
const stabilityRuns = 2;
/** Where all has to end by a time: so much of it is left to triage. */
const keptForTriageMs = 5000;

/** A search for findings: mutants of a corpus are run, what reaches something new enters it, what is found is triaged. */
export class Campaign {
  readonly #examiner: Examiner;
  readonly #options: CampaignOptions;
  readonly #listener: CampaignListener;
  readonly #corpus: Corpus;
  readonly #findings: Findings;
  readonly #signals = new SignalMap();
  readonly #journal: Journal;
  readonly #random: Random;
  readonly #state: CampaignState;
  readonly #reached: Set<number>;
  /** What is this instance's alone. */
  readonly #own: string;
  /** Programs that other campaigns added to the corpus, which were not run here yet. */
  readonly #imported: Program[] = [];
  readonly #beganMs: number;
  /** Programs since the process began, which may have a part in what the next one shows. */
  readonly #recent: Program[] = [];
  readonly #lawful: LawfulDraw;
  /** Hash of the program whose edges are counted. */
  #program: bigint | undefined;
  #runsOfProcess = 0;
  #progressMs = 0;
  #stateMs = 0;
  #corpusMs = 0;

  constructor(examiner: Examiner, options: CampaignOptions, listener: CampaignListener) {
    this.#examiner = examiner;
    this.#options = options;
    this.#listener = listener;
    this.#corpus = new Corpus(options.corpus ?? join(options.directory, 'corpus'));
    this.#own = instanceDirectory(options.directory, options.instance);
    mkdirSync(this.#own, { recursive: true });
    this.#journal = new Journal(this.#own);
    this.#state = readState(this.#own);
    this.#state.starts++;
    this.#reached = new Set(this.#state.reached);
    // A campaign that goes on makes other mutants than it made before.
    this.#random = new Random((options.seed + Math.imul(this.#state.starts, 0x9e37_79b1)) | 0);
    this.#lawful = new LawfulDraw(examiner.target);
    this.#beganMs = options.nowMs();
    this.#findings = new Findings({
      examiner,
      options,
      listener,
      random: this.#random,
      state: this.#state,
      untriaged: join(this.#own, untriagedDirectory),
      recent: this.#recent,
      elapsedMs: () => this.#elapsedMs(),
      restart: () => this.#restart(),
      save: () => this.#save(),
    });
  }

  /** Runs until its time or its runs are over. Returns why it ended before, if it did. */
  run(): string | undefined {
    this.#checkProgram();
    let ended = this.#begin();
    while (ended === undefined && !this.#isOver()) {
      const imported = this.#imported.shift();
      ended = imported === undefined ? this.#try(this.#next()) : this.#try(imported, true);
      ended ??= this.#findings.finish();
      this.#tell();
    }
    this.#tell(true);
    this.#journal.close();
    return ended;
  }

  /** What the corpus reaches is known before anything is tried. */
  #begin(): string | undefined {
    for (const { name, program } of this.#findings.untriaged.all()) {
      const ended = this.#try(program);
      if (!this.#findings.untriaged.isOpen(name)) this.#findings.untriaged.remove(name);
      if (ended !== undefined) return ended;
      if (this.#isOver()) return undefined;
    }
    const { seeds } = this.#options;
    const loaded = this.#corpus.load();
    for (const program of loaded.length === 0 ? seeds : loaded) {
      const ended = this.#try(program, loaded.length > 0);
      this.#tell();
      if (ended !== undefined) return ended;
      if (this.#isOver()) return undefined;
    }
    return undefined;
  }

  #next(): Program {
    const { programs } = this.#corpus;
    const donors = programs.length === 0 ? this.#options.seeds : programs;
    const random = this.#random;
    const isMostlyDrawn = this.#options.isMostlyDrawn === true;
    const isDrawn = isMostlyDrawn ? !random.oneIn(mutantTimes) : random.oneIn(lawfulTimes);
    const made = isDrawn ? this.#lawful.next(random) : undefined;
    const isLeft = isMostlyDrawn ? !random.oneIn(mutantTimes) : random.oneIn(2);
    if (made !== undefined && isLeft) return this.#findings.guarded(made);
    const base = made ?? (donors.length === 0 ? { calls: [] } : random.pick(donors));
    return this.#findings.guarded(mutant(random, base, donors));
  }

  /** Runs a program; keeps it where it reached something new, triages what it showed. */
  #try(program: Program, isOfCorpus = false): string | undefined {
    const whole = resolved(program);
    if (whole.calls.length === 0) return undefined;
    if (++this.#runsOfProcess > programsOfProcess && !this.#restart()) return lostBehind('a planned restart');
    this.#state.runs++;
    this.#journal.begins(program);
    const finding = this.#examiner.examine(whole, true);
    if (finding !== undefined) return this.#findings.found(program, whole, finding);
    this.#learn(program, whole, isOfCorpus);
    this.#recent.push(program);
    const leak = this.#examiner.leakAmongRecent(whole);
    return leak === undefined ? undefined : this.#findings.leaked(leak.program, leak.finding);
  }

  #learn(program: Program, whole: Program, isOfCorpus: boolean): void {
    const { standings } = this.#examiner;
    this.#countJudged(standings);
    const fresh = this.#signals.newIn(this.#signalsOf(whole, standings));
    if (fresh.length === 0) return;
    const isSure = isOfCorpus || this.#options.isRepeatable === true;
    const stable = isSure ? fresh : this.#stable(whole, standings, fresh);
    this.#signals.add(stable);
    for (const signal of stable) {
      const cell = cellOf(signal);
      if (cell !== undefined) this.#reached.add(cell);
    }
    if (stable.length > 0 && !isOfCorpus) this.#corpus.add(program);
  }

  #signalsOf(whole: Program, standings: readonly Standing[]): Set<number> {
    const { outcomes, edges } = this.#examiner;
    return signalsOf(whole, outcomes, standings, edges.signals);
  }

  #countJudged(standings: readonly Standing[]): void {
    for (const standing of standings) if (isJudged(standing)) this.#state.judgedCalls++;
    this.#state.calls += standings.length;
  }

  /** The signals that come again with each further run. */
  #stable(whole: Program, standings: readonly Standing[], fresh: readonly number[]): number[] {
    let stable = [...fresh];
    for (let run = 0; run < stabilityRuns; run++) {
      this.#state.runs++;
      if (this.#examiner.examine(whole) !== undefined) {
        // It shows something now and then: a later mutant will show it again.
        this.#restart();
        return [];
      }
      const signals = this.#signalsOf(whole, standings);
      stable = stable.filter((signal) => signals.has(signal));
    }
    const kept = new Set(stable);
    this.#signals.mask(fresh.filter((signal) => !kept.has(signal)));
    return stable;
  }

  #restart(): boolean {
    this.#state.restarts++;
    this.#runsOfProcess = 0;
    this.#recent.length = 0;
    const serves = this.#examiner.restart();
    this.#checkProgram();
    return serves;
  }

  /** Numbers of edges mean nothing in a program that was built anew. */
  #checkProgram(): void {
    const { program } = this.#examiner.edges;
    if (this.#program !== undefined && program !== undefined && program !== this.#program) {
      this.#listener.note('the program of the target is another one now: what its edges showed is forgotten');
      this.#signals.forgetEdges();
    }
    this.#program = program ?? this.#program;
  }

  #isOver(): boolean {
    const { timeMs, runs, untilMs } = this.#options;
    if (this.#findings.isEnded) return true;
    if (untilMs !== undefined && this.#options.nowMs() >= untilMs - keptForTriageMs) return true;
    return (runs !== undefined && this.#state.runs >= runs) || (timeMs !== undefined && this.#elapsedMs() >= timeMs);
  }

  #elapsedMs(): number {
    return this.#state.elapsedMs + this.#options.nowMs() - this.#beganMs;
  }

  #tell(isLast = false): void {
    const now = this.#options.nowMs();
    if (isLast || now >= this.#stateMs) this.#save();
    if (now >= this.#corpusMs && this.#corpusMs > 0) this.#import();
    if (now >= this.#corpusMs) this.#corpusMs = now + corpusEveryMs;
    if (!isLast && now < this.#progressMs) return;
    this.#progressMs = now + progressEveryMs;
    const { runs, calls, judgedCalls, repeated, unconfirmed, restarts } = this.#state;
    this.#listener.progress({
      runs,
      calls,
      judgedCalls,
      repeated: repeated + this.#examiner.timesPassedOver,
      unconfirmed,
      restarts,
      elapsedMs: this.#elapsedMs(),
      corpus: this.#corpus.programs.length,
      signals: this.#signals.size,
      edges: this.#signals.edges,
      buckets: this.#findings.count,
    });
  }

  /** What other campaigns reached is run here as well, so that it is known. */
  #import(): void {
    this.#imported.push(...this.#corpus.load());
    this.#findings.load();
  }

  #save(): void {
    this.#stateMs = this.#options.nowMs() + stateEveryMs;
    const elapsedMs = this.#elapsedMs();
    const { runs } = this.#state;
    const signals = this.#signals.size;
    const moment = { elapsedMs: Math.round(elapsedMs), runs, signals, corpus: this.#corpus.programs.length };
    this.#state.history = [...withMoment(this.#state.history, moment)];
    const reached = [...this.#reached].sort((left, right) => left - right);
    writeState(this.#own, { ...this.#state, elapsedMs, signals, reached });
  }
}

const lostBehind = (what: string): string => `it does not serve again behind ${what}`;
