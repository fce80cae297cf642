import type { DriverPort, OracleFinding } from '../../drivers/port/port.ts';
import { control } from '../../judging/control.ts';
import { isServing } from '../../judging/liveness.ts';
import { canRestart, recovered, startedAfresh } from '../../judging/recovery.ts';
import { type SilenceOptions, Silences } from '../../judging/silence.ts';
import { nothingWithin } from '../../judging/thrown-failure.ts';
import type { ModelTarget } from '../../reference-impl/oracle/model/model-target.ts';
import { EdgeSignals } from '../coverage/edge-signals.ts';
import { configurationOf, modelTarget } from '../judging/model-target.ts';
import { type JudgedFinding, ProgramJudge } from '../judging/program-judge.ts';
import type { KnownTarget } from '../program/known-state.ts';
import type { Standing } from '../program/lawfulness.ts';
import type { Program } from '../program/program.ts';
import { bucketOf, isNamedByCall } from './bucket.ts';
import { placesOfEnd } from './crash-place.ts';
import { Executor } from './executor.ts';
import type { BrokenRule, Finding } from './finding.ts';
import { firstSilence, placeOfHang } from './hang-place.ts';
import { LeakWatch, leakOf } from './leak-watch.ts';
import type { OutcomeClass, Outcomes } from './outcomes.ts';
import { RedZoneWatch } from './red-zones.ts';
import { type RootCause, rootCauses } from './root-cause.ts';

export interface ExaminerOptions extends SilenceOptions {
  /** What breaks a rule is not tried otherwise: it is told as it was seen. */
  readonly leavesCauses?: boolean;
  readonly target: KnownTarget;
  /** Multiplies what silences of a program may take; 1 unless told. */
  readonly patience?: number;
  /** Requirements that no text states are judged as well: for a target that keeps to the choices of our reference. */
  readonly judgesChoices?: boolean;
  /** What the IUT holds behind a program is settled when that ends: each that leaves something leaks. */
  readonly holdsExactly?: boolean;
}

/** A ring invariant that was broken, and the place of the call behind which that was seen. */
interface Seen {
  readonly place: number;
  readonly finding: OracleFinding;
}

/** A way in which a program says something, and the program that says it otherwise. */
interface Way {
  readonly cause: RootCause;
  readonly other: Program;
}

/** One of so many times a cause is looked for again, so that another one comes to light. */
const trustedTimes = 8;

/** Runs with which a cause is told from chance. */
const tries = [1, 2, 3] as const;

const failedOutcomes: ReadonlySet<OutcomeClass> = new Set(['refused', 'malformed', 'closed', 'silent', 'died']);

/** A whole transfer on a fresh session is asked for behind so many programs, and behind each in which something was silent. */
const programsOfControl = 32;
/** What silences may take where the call is looked for that ends a process: a busy one ends later. */
const patienceWithEnds = 20;
/** Each time twice as many. */
const programsOfLeakWatch = { first: 4, most: 64, exact: 8 } as const;

/**
 * Runs programs and judges what holds of every program, lawful or not: the process lives, a new session is served, nothing
 * leaks. Ring invariants and writes outside of buffers are judged as long as all calls kept to the text; what came of each
 * call that did is judged by the model.
 */
export class Examiner {
  readonly #port: DriverPort;
  readonly #options: ExaminerOptions;
  readonly #executor: Executor;
  #patience: number;
  readonly #leaks: LeakWatch;
  readonly edges: EdgeSignals;
  /** Buckets of reports that are known. */
  readonly #passedOver = new Set<string>();
  #timesPassedOver = 0;
  /** Programs since the process began, up to so many as a leak is looked for in. */
  #recent: Program[] = [];
  /** Programs after which a leak is looked for. */
  #watched: number = programsOfLeakWatch.first;
  #sinceControl = 0;
  #found: readonly Seen[] = [];
  #strayWrite: Finding | undefined;
  #modelTarget: ModelTarget | undefined;
  #disallowed: readonly JudgedFinding[] = [];
  #standings: readonly Standing[] = [];
  /** A request without a whole header or a status was made: a device may do anything with its ring. */
  #hasEndedRing = false;
  /** Behind this place, what was in flight when a ring stopped may become used in a later life of it. */
  #inFlightAt = Number.POSITIVE_INFINITY;
  #calls: Program['calls'] = [];
  #beside: Examiner | undefined;
  /** By rule, and what a program says that may be the cause: what it was the last time, and how often that was trusted since. */
  readonly #causes = new Map<string, { readonly cause: RootCause | undefined; times: number }>();

  constructor(port: DriverPort, options: ExaminerOptions) {
    this.#port = port;
    this.#options = options;
    this.#patience = options.patience ?? 1;
    this.#executor = new Executor(port, this.#patience);
    this.#leaks = new LeakWatch(port, options.holdsExactly === true);
    this.edges = new EdgeSignals(port.iut.coverage);
  }

  get target(): KnownTarget {
    return this.#options.target;
  }

  get outcomes(): Outcomes {
    return this.#executor.outcomes;
  }

  /** How the calls of the program that ran last stand to the text, up to the last one that ended. */
  get standings(): readonly Standing[] {
    return this.#standings;
  }

  /**
   * Runs a resolved program. The finding, if there is one; the IUT may then have to be brought back. `trusts`: where a rule
   * was broken before beside the same ways of saying something, its cause is mostly taken to be the same.
   */
  examine(program: Program, trusts = false): Finding | undefined {
    this.#leaks.begins();
    this.#run(program);
    const end = this.#crash() ?? this.#silence();
    this.edges.read();
    return end ?? this.#strayWrite ?? this.#report() ?? this.#ofCause(program, this.#broken(), trusts);
  }

  /** From now on silences of a program may take so many times as much; undefined: as it was at first. */
  setPatience(patience: number | undefined): void {
    this.#patience = patience ?? this.#options.patience ?? 1;
    this.#executor.setPatience(this.#patience);
  }

  /**
   * Takes a bucket of reports for known: the process goes on behind one, and each place in it is reported once in its
   * life, so neither a fresh process nor a guard is needed.
   */
  passOver(bucket: string): void {
    this.#passedOver.add(bucket);
  }

  /** How often such a bucket was seen again. */
  get timesPassedOver(): number {
    return this.#timesPassedOver;
  }

  /** Whether a leak is worth looking for among `recent`: asked behind each program. */
  leakAmongRecent(program: Program): { readonly program: Program; readonly finding: Finding } | undefined {
    this.#recent.push(program);
    if (this.#recent.length < this.#watched) return undefined;
    this.#watched = Math.min(2 * this.#watched, this.#mostWatched);
    const recent = this.#recent;
    this.#recent = [];
    if (!this.#leaks.isSuspect(recent.length)) return undefined;
    for (const each of recent) {
      const finding = this.leakOf(each);
      if (finding !== undefined) return { program: each, finding };
      if (!this.#port.iut.isAlive()) return undefined;
    }
    return undefined;
  }

  /** Repeats one program to see whether it leaks. */
  leakOf(program: Program): Finding | undefined {
    const leak = leakOf(this.#port, () => this.#run(program));
    return leak === undefined ? undefined : { kind: 'leak', place: placeOfLeak(program), ...leak };
  }

  /** Brings the IUT back behind a finding, on a fresh process where it can be had. False where it is lost. */
  restart(): boolean {
    this.#port.releaseAll();
    this.#recent = [];
    this.#watched = programsOfLeakWatch.first;
    this.#sinceControl = 0;
    this.#leaks.restart();
    const serves =
      (canRestart(this.#port) && startedAfresh(this.#port)) ||
      recovered(this.#port, { isKnownNotToServe: true }).kind === 'serves';
    // Nothing of its start is anything of a program.
    this.edges.clear();
    this.#port.iut.reports?.();
    return serves;
  }

  get #mostWatched(): number {
    return this.#options.holdsExactly === true ? programsOfLeakWatch.exact : programsOfLeakWatch.most;
  }

  #run(program: Program): void {
    const found: Seen[] = [];
    let seen = 0;
    this.#calls = program.calls;
    const judge = this.#judgeOf(program);
    const zones = new RedZoneWatch(this.#port, this.#executor.made);
    this.#strayWrite = undefined;
    this.#inFlightAt = Number.POSITIVE_INFINITY;
    this.#executor.run(program, (place) => {
      const call = program.calls[place];
      const harm = call === undefined || this.#strayWrite !== undefined ? undefined : zones.after(call);
      if (harm !== undefined) this.#strayWrite = { kind: 'stray-write', place, ...harm };
      judge.after(place);
      if (this.#mayLeaveInFlight(judge)) this.#inFlightAt = Math.min(this.#inFlightAt, place);
      const findings = this.#port.oracle.findings();
      for (; seen < findings.length; seen++) {
        const finding = findings[seen];
        if (finding !== undefined) found.push({ place, finding });
      }
    });
    this.#found = found;
    this.#disallowed = judge.findings;
    this.#hasEndedRing = judge.model.liberties.countOf('ended-by-request') > 0;
    this.#standings = judge.standings;
  }

  /** Our reference has nothing in flight behind a stop. */
  #mayLeaveInFlight({ model }: ProgramJudge): boolean {
    return this.#options.judgesChoices !== true && model.liberties.countOf('in-flight-at-stop') > 0;
  }

  #judgeOf(program: Program): ProgramJudge {
    const port = this.#port;
    const known = { ...this.#options.target, keepsChoices: this.#options.judgesChoices === true };
    this.#modelTarget ??= {
      ...modelTarget(known, port.facts, configurationOf(port, known)),
      judgesChoices: this.#options.judgesChoices === true,
    };
    const { outcomes, made } = this.#executor;
    return new ProgramJudge({ port, known, target: this.#modelTarget, outcomes, made }, program);
  }

  get #last(): number {
    return Math.max(this.outcomes.count - 1, 0);
  }

  #crash(): Finding | undefined {
    const exit = this.#port.iut.exit();
    if (exit === undefined) return undefined;
    const [first = 0, ...later] = placesOfEnd(this.#calls, this.outcomes);
    const place = later.length === 0 || !isNamedByCall(exit) ? first : this.#placeOfEnd([first, ...later]);
    return { kind: 'crash', place, exit };
  }

  /** The first of these places up to which the program alone ends a fresh process; else the last one. */
  #placeOfEnd(places: readonly number[]): number {
    const port = this.#port;
    const calls = this.#calls;
    // What came of the calls of the whole program stays.
    const executor = new Executor(port, Math.max(this.#patience, patienceWithEnds));
    for (const place of places.slice(0, -1)) {
      if (!startedAfresh(port)) break;
      executor.run({ calls: calls.slice(0, place + 1) });
      isServing(port);
      port.releaseAll();
      if (port.iut.exit() !== undefined) return place;
    }
    return places.at(-1) ?? 0;
  }

  /** A new session is served; behind silences, and now and then, a whole transfer completes on one. */
  #silence(): Finding | undefined {
    const port = this.#port;
    const isControlled = ++this.#sinceControl >= programsOfControl || firstSilence(this.outcomes) >= 0;
    if (isControlled) this.#sinceControl = 0;
    const serves = isControlled ? control(port).kind === 'completed' : isServing(port);
    port.releaseAll();
    if (serves) return undefined;
    const crash = this.#crash();
    if (crash !== undefined) return crash;
    const silences = new Silences(port, this.#options);
    const settled = silences.settle({
      how: 'hang',
      what: 'a new session behind the program',
      expected: 'it is served',
      actual: nothingWithin(port.deadlineMs),
      traceEvent: 0,
      silent: true,
    });
    port.releaseAll();
    const later = this.#crash();
    if (later !== undefined) return later;
    if (settled.kind === 'inconclusive' || settled.failure.how !== 'hang') return undefined;
    return { kind: 'hang', place: placeOfHang(this.#calls, this.outcomes), why: settled.failure.actual };
  }

  #report(): Finding | undefined {
    let first: Finding | undefined;
    for (const report of this.#port.iut.reports?.() ?? []) {
      const finding = { kind: 'report', place: this.#last, report } as const;
      if (this.#passedOver.has(bucketOf(finding, undefined))) this.#timesPassedOver++;
      else first ??= finding;
    }
    return first;
  }

  #broken(): BrokenRule | undefined {
    return this.#violation() ?? this.#disagreement();
  }

  /** Where it does not come once something is said otherwise that means the same, the way in which it was said is the cause. */
  #ofCause(program: Program, found: BrokenRule | undefined, trusts: boolean): Finding | undefined {
    if (found === undefined || this.#options.leavesCauses === true) return found;
    const { requirement } = found;
    const ways = rootCauses(program, this.target).flatMap((cause): Way[] => {
      const other = cause.requirement === requirement ? undefined : cause.without(program);
      return other === undefined ? [] : [{ cause, other }];
    });
    const key = [requirement, ...ways.map(({ cause }) => cause.requirement)].join();
    const known = this.#causes.get(key);
    if (trusts && known !== undefined && ++known.times % trustedTimes !== 0) return named(found, known.cause);
    const cause = ways.find(({ other }) => this.#isCause(program, other, requirement))?.cause;
    this.#causes.set(key, { cause, times: 0 });
    return named(found, cause);
  }

  /** What comes now and then stays away by chance, and what breaks another rule then has a cause of its own. */
  #isCause(program: Program, other: Program, requirement: string): boolean {
    if (tries.some(() => this.#runBeside(other) !== undefined) || !this.#isCarriedOutBeside()) return false;
    return tries.every(() => this.#runBeside(program) === requirement);
  }

  /** The requirement that a program breaks. What came of the one that is examined stays. */
  #runBeside(program: Program): string | undefined {
    const port = this.#port;
    this.#beside ??= new Examiner(port, this.#options);
    const beside = this.#beside;
    beside.setPatience(this.#patience);
    beside.#run(program);
    if (!port.iut.isAlive()) this.restart();
    // The edges and reports of the program itself were read before.
    port.iut.coverage?.clear();
    port.iut.reports?.();
    return beside.#broken()?.requirement;
  }

  /** Whether the driver carried out as many calls beside it as here. */
  #isCarriedOutBeside(): boolean {
    const beside = this.#beside;
    return beside !== undefined && leftOut(beside.outcomes) <= leftOut(this.outcomes);
  }

  #disagreement(): BrokenRule | undefined {
    const [first] = this.#disallowed;
    return first === undefined ? undefined : { kind: 'model', place: first.place, ...first.finding };
  }

  /** Behind a call that tainted anything, what a ring shows may be our own doing. */
  #violation(): BrokenRule | undefined {
    const [first] = this.#found;
    if (first === undefined || this.#hasEndedRing || first.place > this.#inFlightAt) return undefined;
    const before = this.#standings.slice(0, first.place + 1);
    if (before.some(({ taints }) => taints !== undefined) || this.#hasFailedNegotiation(first.place)) return undefined;
    const { requirement, what, actual } = first.finding;
    return { kind: 'invariant', place: first.place, requirement, what, actual };
  }

  /** Up to a place: behind it, what the device may do with rings is not known. */
  #hasFailedNegotiation(last: number): boolean {
    for (let place = 0; place <= last; place++) {
      const call = this.#calls[place];
      if (call?.kind !== 'negotiate') continue;
      // Who watches rings knows features by the messages of vhost-user alone.
      if (call.exact && this.target.transport !== 'vhost-user') return true;
      if (failedOutcomes.has(this.outcomes.classOf(place))) return true;
    }
    return false;
  }
}

/** The finding under the requirement of its cause; as it was seen where it has none. */
function named(found: BrokenRule, cause: RootCause | undefined): Finding {
  if (cause === undefined) return found;
  const { place, requirement, what, actual } = found;
  return {
    kind: 'model',
    place,
    requirement: cause.requirement,
    what: `${requirement}: ${what}`,
    expected: `as ${cause.instead}`,
    actual,
  };
}

/** Calls that the driver could not carry out. */
function leftOut(outcomes: Outcomes): number {
  let count = 0;
  for (let place = 0; place < outcomes.count; place++) {
    const outcome = outcomes.classOf(place);
    if (outcome === 'skipped' || outcome === 'full') count++;
  }
  return count;
}

/** The last call that gives the IUT something to hold; the last one of all where none does. */
function placeOfLeak({ calls }: Program): number {
  const last = calls.findLastIndex(
    (call) =>
      ('descriptors' in call && call.descriptors.length > 0) ||
      call.kind === 'memory-table' ||
      call.kind === 'memory-slot' ||
      call.kind === 'attach',
  );
  return last < 0 ? calls.length - 1 : last;
}
