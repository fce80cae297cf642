import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { LawfulDraw } from '../arbitraries/lawful-draw.ts';
import { bucketOf, isLeakBucket, isReportBucket } from '../executor/bucket.ts';
import type { Examiner } from '../executor/examiner.ts';
import { type Finding, findingText, isSoundBehind } from '../executor/finding.ts';
import { mutant } from '../mutators/mutant.ts';
import { Random } from '../mutators/random.ts';
import { isJudged, type Standing } from '../program/lawfulness.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import { type Bucket, BucketStore, type KnownBucket } from './bucket-store.ts';
import type { CampaignListener, CampaignOptions } from './campaign-options.ts';
import { type CampaignState, readState, withMoment, writeState } from './campaign-state.ts';
import { cellOf } from './cells.ts';
import { Corpus } from './corpus.ts';
import { Guard } from './guard.ts';
import { instanceDirectory, untriagedDirectory } from './instances.ts';
import { Journal } from './journal.ts';
import { KnownLeaks } from './known-leaks.ts';
import { SignalMap, signalsOf } from './signals.ts';
import { Triage } from './triage.ts';
import { Untriaged } from './untriaged.ts';

/** One in so many programs that would show a known bucket may do so. */
const guardedTimes = 16;
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
/** What triage of one finding may take, and of one that comes at the end of the time. */
const mostTriageMs = 30_000;
const mostTriageBehindEndMs = 10_000;
/** A bucket whose least program was not found in that time is taken up again so often, between waits of so many times as much. */
const mostFinishing = 5;
const waitsOfFinishing = 4;
/** Where all has to end by a time: so much of it is left to triage, and so much to a run that is under way then. */
const keptForTriageMs = 5000;
const keptForLastRunMs = 1000;

/** A search for findings: mutants of a corpus are run, what reaches something new enters it, what is found is triaged. */
export class Campaign {
  readonly #examiner: Examiner;
  readonly #options: CampaignOptions;
  readonly #listener: CampaignListener;
  readonly #corpus: Corpus;
  readonly #buckets: BucketStore;
  readonly #guards: Guard[] = [];
  readonly #leaks = new KnownLeaks();
  /** First names of findings whose cause had another bucket, which was known. */
  readonly #misnamed = new Map<string, string>();
  readonly #signals = new SignalMap();
  readonly #untriaged: Untriaged;
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
  /** Buckets whose least program is not known, and how often it was looked for again. */
  readonly #unfinished = new Map<string, number>();
  #finishMs = 0;
  #isEnded = false;
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
    this.#buckets = new BucketStore(join(options.directory, 'buckets'), options.replayWords);
    for (const bucket of this.#buckets.known.values()) this.#guard(bucket);
    this.#untriaged = new Untriaged(join(this.#own, untriagedDirectory));
    this.#journal = new Journal(this.#own);
    this.#state = readState(this.#own);
    this.#state.starts++;
    this.#reached = new Set(this.#state.reached);
    // A campaign that goes on makes other mutants than it made before.
    this.#random = new Random((options.seed + Math.imul(this.#state.starts, 0x9e37_79b1)) | 0);
    this.#lawful = new LawfulDraw(examiner.target);
    this.#beganMs = options.nowMs();
  }

  /** Runs until its time or its runs are over. Returns why it ended before, if it did. */
  run(): string | undefined {
    this.#checkProgram();
    let ended = this.#begin();
    while (ended === undefined && !this.#isOver()) {
      const imported = this.#imported.shift();
      ended = imported === undefined ? this.#try(this.#next()) : this.#try(imported, true);
      ended ??= this.#finish();
      this.#tell();
    }
    this.#tell(true);
    this.#journal.close();
    return ended;
  }

  /** What the corpus reaches is known before anything is tried. */
  #begin(): string | undefined {
    for (const { name, program } of this.#untriaged.all()) {
      const ended = this.#try(program);
      if (!this.#untriaged.isOpen(name)) this.#untriaged.remove(name);
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
    if (made !== undefined && isLeft) return this.#guarded(made);
    const base = made ?? (donors.length === 0 ? { calls: [] } : random.pick(donors));
    return this.#guarded(mutant(random, base, donors));
  }

  /** Cuts most programs that would show a known bucket, before the call that does. */
  #guarded(program: Program): Program {
    for (const guard of this.#guards) {
      const place = guard.placeIn(program);
      if (place !== undefined && !this.#random.oneIn(guardedTimes)) return { calls: program.calls.slice(0, place) };
    }
    return program;
  }

  /** Runs a program; keeps it where it reached something new, triages what it showed. */
  #try(program: Program, isOfCorpus = false): string | undefined {
    const whole = resolved(program);
    if (whole.calls.length === 0) return undefined;
    if (++this.#runsOfProcess > programsOfProcess && !this.#restart()) return lostBehind('a planned restart');
    this.#state.runs++;
    this.#journal.begins(program);
    const finding = this.#examiner.examine(whole);
    if (finding !== undefined) return this.#found(program, whole, finding);
    this.#learn(program, whole, isOfCorpus);
    this.#recent.push(program);
    const leak = this.#examiner.leakAmongRecent(whole);
    return leak === undefined ? undefined : this.#leaked(leak.program, leak.finding);
  }

  /** What leaks without the calls of known leaks is another one. */
  #leaked(program: Program, finding: Finding): string | undefined {
    const less = this.#leaks.without(program);
    if (less === undefined) return this.#found(program, program, finding);
    const left = this.#examiner.leakOf(less.program);
    if (left !== undefined) return this.#found(less.program, less.program, left);
    this.#seenAgain(less.bucket);
    return this.#restart() ? undefined : lostBehind(less.bucket);
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

  #found(program: Program, whole: Program, finding: Finding): string | undefined {
    const name = bucketOf(finding, whole.calls[finding.place]);
    if (this.#buckets.known.has(name)) {
      this.#seenAgain(name);
      if (isSoundBehind(finding)) return undefined;
      return this.#restart() ? undefined : lostBehind(name);
    }
    const cause = this.#misnamed.get(name);
    if (cause !== undefined && !this.#random.oneIn(guardedTimes)) {
      this.#seenAgain(cause);
      return this.#restart() ? undefined : lostBehind(name);
    }
    const judged = this.#options.judge?.(whole, finding) ?? 'triage';
    if (judged === 'end') this.#isEnded = true;
    if (judged !== 'triage') return this.#restart() ? undefined : lostBehind(name);
    this.#listener.note(`${name}: ${findingText(finding)}`);
    this.#untriaged.add(name, program);
    const triage = this.#triage([...this.#recent]);
    const bucket = triage.bucketOf(program, finding.kind === 'leak');
    if (bucket === undefined && triage.isCut) {
      this.#listener.note(`${name}: seen once, there was no time to look into it`);
      this.#save();
      return this.#restart() ? undefined : lostBehind(name);
    }
    this.#untriaged.remove(name);
    if (bucket === undefined) {
      this.#state.unconfirmed++;
      this.#listener.note(`${name}: did not come again on a fresh process`);
    } else {
      if (this.#buckets.known.has(bucket.name)) this.#misnamed.set(name, bucket.name);
      this.#keep(bucket);
    }
    this.#save();
    return this.#restart() ? undefined : lostBehind(name);
  }

  #triage(before: readonly Program[]): Triage {
    return new Triage(this.#examiner, {
      before,
      afterRuns: this.#state.runs,
      untilMs: this.#triageEndsMs(),
      nowMs: () => this.#options.nowMs(),
      step: () => this.#listener.step(),
    });
  }

  /** Looks again for the least program of a bucket, from the one that it has. */
  #finish(): string | undefined {
    const [first] = this.#unfinished;
    const beganMs = this.#options.nowMs();
    if (first === undefined || beganMs < this.#finishMs) return undefined;
    const [name, times] = first;
    const known = this.#buckets.known.get(name);
    this.#unfinished.delete(name);
    if (known === undefined) return undefined;
    const bucket = this.#triage([]).bucketOf(known.program, isLeakBucket(name));
    const isSmaller = bucket !== undefined && bucket.program.calls.length <= known.program.calls.length;
    if (isSmaller && bucket.name === name) this.#buckets.replace(bucket, this.#inC(bucket));
    // Others have their turn first.
    if (this.#buckets.known.get(name)?.isFinished !== true && times + 1 < mostFinishing)
      this.#unfinished.set(name, times + 1);
    const now = this.#options.nowMs();
    this.#finishMs = now + waitsOfFinishing * (now - beganMs);
    return this.#restart() ? undefined : lostBehind(name);
  }

  /** Keeps a known bucket from ending the search. */
  #guard(bucket: KnownBucket): void {
    const { name, program } = bucket;
    this.#leaks.add(bucket);
    if (!bucket.isFinished) this.#unfinished.set(name, 0);
    if (isReportBucket(name)) this.#examiner.passOver(name);
    else this.#guards.push(new Guard(resolved(program)));
  }

  #keep(bucket: Bucket): void {
    if (this.#buckets.known.has(bucket.name)) {
      this.#seenAgain(bucket.name);
      return;
    }
    const inC = this.#inC(bucket);
    const isOurs = this.#buckets.add(bucket, { afterMs: this.#elapsedMs(), inC });
    const known = this.#buckets.known.get(bucket.name);
    if (known !== undefined) this.#guard(known);
    if (isOurs) this.#listener.found(bucket);
    else this.#seenAgain(bucket.name);
  }

  /** A C program that shows a bucket, where there is time for it. */
  #inC(bucket: Bucket): string | undefined {
    const { untilMs = Number.POSITIVE_INFINITY, inC } = this.#options;
    const hasTime = this.#options.nowMs() < untilMs - keptForLastRunMs;
    return hasTime && this.#restart() ? inC?.(bucket) : undefined;
  }

  #seenAgain(name: string): void {
    this.#state.repeated++;
    this.#state.seen[name] = (this.#state.seen[name] ?? 0) + 1;
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

  #triageEndsMs(): number {
    const { timeMs, untilMs = Number.POSITIVE_INFINITY } = this.#options;
    const now = this.#options.nowMs();
    const left = timeMs === undefined ? mostTriageMs : Math.max(timeMs - this.#elapsedMs(), 0) + mostTriageBehindEndMs;
    return Math.min(now + Math.min(left, mostTriageMs), untilMs - keptForLastRunMs);
  }

  #isOver(): boolean {
    const { timeMs, runs, untilMs } = this.#options;
    if (this.#isEnded) return true;
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
      buckets: this.#buckets.known.size,
    });
  }

  /** What other campaigns reached is run here as well, so that it is known. */
  #import(): void {
    this.#imported.push(...this.#corpus.load());
    for (const bucket of this.#buckets.load()) this.#guard(bucket);
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
