import { join } from 'node:path';
import { bucketOf, isLeakBucket, isReportBucket } from '../executor/bucket.ts';
import type { Examiner } from '../executor/examiner.ts';
import { type Finding, findingText, isSoundBehind } from '../executor/finding.ts';
import type { Random } from '../mutators/random.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import { type Bucket, BucketStore, type KnownBucket } from './bucket-store.ts';
import type { CampaignListener, CampaignOptions } from './campaign-options.ts';
import type { CampaignState } from './campaign-state.ts';
import { Guard } from './guard.ts';
import { KnownLeaks } from './known-leaks.ts';
import { Triage } from './triage.ts';
import { Untriaged } from './untriaged.ts';

/** One in so many programs that would show a known bucket may do so. */
const guardedTimes = 16;
/** What triage of one finding may take, and of one that comes at the end of the time. */
const mostTriageMs = 30_000;
const mostTriageBehindEndMs = 10_000;
/** A bucket whose least program was not found in that time is taken up again so often, between waits of so many times as much. */
const mostFinishing = 5;
const waitsOfFinishing = 4;
/** Where all has to end by a time: so much of it is left to a run that is under way then. */
const keptForLastRunMs = 1000;

/** What findings have of the campaign that they belong to. */
export interface FindingsOptions {
  readonly examiner: Examiner;
  readonly options: CampaignOptions;
  readonly listener: CampaignListener;
  readonly random: Random;
  readonly state: CampaignState;
  /** Where programs are kept that were not looked into. */
  readonly untriaged: string;
  /** Programs since the process began. */
  readonly recent: readonly Program[];
  readonly elapsedMs: () => number;
  /** Brings a fresh process up; false where that does not serve. */
  readonly restart: () => boolean;
  readonly save: () => void;
}

/** What becomes of findings: known ones are counted, others triaged and kept as buckets, and programs cut that would show those. */
export class Findings {
  readonly #of: FindingsOptions;
  readonly #buckets: BucketStore;
  readonly #untriaged: Untriaged;
  readonly #guards: Guard[] = [];
  readonly #leaks = new KnownLeaks();
  /** First names of findings whose cause had another bucket, which was known. */
  readonly #misnamed = new Map<string, string>();
  /** Buckets whose least program is not known, and how often it was looked for again. */
  readonly #unfinished = new Map<string, number>();
  #finishMs = 0;
  #isEnded = false;

  constructor(of: FindingsOptions) {
    this.#of = of;
    const { directory, replayWords } = of.options;
    this.#buckets = new BucketStore(join(directory, 'buckets'), replayWords);
    this.#untriaged = new Untriaged(of.untriaged);
    for (const bucket of this.#buckets.known.values()) this.#guard(bucket);
  }

  /** Buckets that are known. */
  get count(): number {
    return this.#buckets.known.size;
  }

  /** Whether a finding was the one that was searched for. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  get untriaged(): Untriaged {
    return this.#untriaged;
  }

  /** Takes what other campaigns have found. */
  load(): void {
    for (const bucket of this.#buckets.load()) this.#guard(bucket);
  }

  /** Cuts most programs that would show a known bucket, before the call that does. */
  guarded(program: Program): Program {
    for (const guard of this.#guards) {
      const place = guard.placeIn(program);
      if (place !== undefined && !this.#of.random.oneIn(guardedTimes)) return { calls: program.calls.slice(0, place) };
    }
    return program;
  }

  /** What leaks without the calls of known leaks is another one. */
  leaked(program: Program, finding: Finding): string | undefined {
    const less = this.#leaks.without(program);
    if (less === undefined) return this.found(program, program, finding);
    const left = this.#of.examiner.leakOf(less.program);
    if (left !== undefined) return this.found(less.program, less.program, left);
    this.#seenAgain(less.bucket);
    return this.#of.restart() ? undefined : lostBehind(less.bucket);
  }

  /** Counts or triages what a program showed. Returns why the campaign ends, if it does. */
  found(program: Program, whole: Program, finding: Finding): string | undefined {
    const name = bucketOf(finding, whole.calls[finding.place]);
    if (this.#buckets.known.has(name)) {
      this.#seenAgain(name);
      if (isSoundBehind(finding)) return undefined;
      return this.#of.restart() ? undefined : lostBehind(name);
    }
    const cause = this.#misnamed.get(name);
    if (cause !== undefined && !this.#of.random.oneIn(guardedTimes)) {
      this.#seenAgain(cause);
      return this.#of.restart() ? undefined : lostBehind(name);
    }
    const judged = this.#of.options.judge?.(whole, finding) ?? 'triage';
    if (judged === 'end') this.#isEnded = true;
    if (judged !== 'triage') return this.#of.restart() ? undefined : lostBehind(name);
    this.#of.listener.note(`${name}: ${findingText(finding)}`);
    this.#untriaged.add(name, program);
    const triage = this.#triage([...this.#of.recent]);
    const bucket = triage.bucketOf(program, finding.kind === 'leak');
    if (bucket === undefined && triage.isCut) {
      this.#of.listener.note(`${name}: seen once, there was no time to look into it`);
      this.#of.save();
      return this.#of.restart() ? undefined : lostBehind(name);
    }
    this.#untriaged.remove(name);
    if (bucket === undefined) {
      this.#of.state.unconfirmed++;
      this.#of.listener.note(`${name}: did not come again on a fresh process`);
    } else {
      if (this.#buckets.known.has(bucket.name)) this.#misnamed.set(name, bucket.name);
      this.#keep(bucket);
    }
    this.#of.save();
    return this.#of.restart() ? undefined : lostBehind(name);
  }

  #triage(before: readonly Program[]): Triage {
    return new Triage(this.#of.examiner, {
      before,
      afterRuns: this.#of.state.runs,
      untilMs: this.#triageEndsMs(),
      nowMs: () => this.#of.options.nowMs(),
      step: () => this.#of.listener.step(),
    });
  }

  /** Looks again for the least program of a bucket, from the one that it has. */
  finish(): string | undefined {
    const [first] = this.#unfinished;
    const beganMs = this.#of.options.nowMs();
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
    const now = this.#of.options.nowMs();
    this.#finishMs = now + waitsOfFinishing * (now - beganMs);
    return this.#of.restart() ? undefined : lostBehind(name);
  }

  /** Keeps a known bucket from ending the search. */
  #guard(bucket: KnownBucket): void {
    const { name, program } = bucket;
    this.#leaks.add(bucket);
    if (!bucket.isFinished) this.#unfinished.set(name, 0);
    if (isReportBucket(name)) this.#of.examiner.passOver(name);
    else this.#guards.push(new Guard(resolved(program)));
  }

  #keep(bucket: Bucket): void {
    if (this.#buckets.known.has(bucket.name)) {
      this.#seenAgain(bucket.name);
      return;
    }
    const inC = this.#inC(bucket);
    const isOurs = this.#buckets.add(bucket, { afterMs: this.#of.elapsedMs(), inC });
    const known = this.#buckets.known.get(bucket.name);
    if (known !== undefined) this.#guard(known);
    if (isOurs) this.#of.listener.found(bucket);
    else this.#seenAgain(bucket.name);
  }

  /** A C program that shows a bucket, where there is time for it. */
  #inC(bucket: Bucket): string | undefined {
    const { untilMs = Number.POSITIVE_INFINITY, inC } = this.#of.options;
    const hasTime = this.#of.options.nowMs() < untilMs - keptForLastRunMs;
    return hasTime && this.#of.restart() ? inC?.(bucket) : undefined;
  }

  #seenAgain(name: string): void {
    this.#of.state.repeated++;
    this.#of.state.seen[name] = (this.#of.state.seen[name] ?? 0) + 1;
  }

  #triageEndsMs(): number {
    const { timeMs, untilMs = Number.POSITIVE_INFINITY } = this.#of.options;
    const now = this.#of.options.nowMs();
    const left =
      timeMs === undefined ? mostTriageMs : Math.max(timeMs - this.#of.elapsedMs(), 0) + mostTriageBehindEndMs;
    return Math.min(now + Math.min(left, mostTriageMs), untilMs - keptForLastRunMs);
  }
}

const lostBehind = (what: string): string => `it does not serve again behind ${what}`;
