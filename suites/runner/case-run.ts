import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import { openDeviceDriver } from '../../drivers/devices/device-types.ts';
import {
  BudgetError,
  DeadlineError,
  type DriverPort,
  DriverUsageError,
  type Guest,
  type GuestRing,
  IutGoneError,
  type OracleFinding,
  PeerProtocolError,
  PremiseError,
  RequestsUnknownError,
  type Session,
  type TargetFacts,
} from '../../drivers/port/port.ts';
import type { LifeProblem } from '../../judging/device-life.ts';
import { exitText, type Failure } from '../../judging/failure.ts';
import { isServing } from '../../judging/liveness.ts';
import { negotiationFor, offeredNegotiation } from '../../judging/negotiation.ts';
import { canRestart } from '../../judging/recovery.ts';
import { type Controls, type OpenedSession, Refusal, type RefusalTrial } from '../../judging/refusal.ts';
import { thrownFailure } from '../../judging/thrown-failure.ts';
import { type FeatureSet, noFeatures } from '../../reference-impl/catalogue/catalogue.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import type { FailureKind } from '../../reference-impl/observations/failure-kind.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import type { Axes } from '../../reports/record/axes.ts';
import { axesOf, layoutOf, requirementOn, wantsOn } from '../axes.ts';
import type {
  AnyCase,
  CaseContext,
  Point,
  RingRequest,
  SessionStart,
  SweepOptions,
  VariantAxes,
  VariantOf,
} from '../case.ts';
import { CaseEnded, Check, presupposedWrongly } from '../check.ts';
import { ringMissing } from './request-needs.ts';
import { type SweepResult, spread } from './sweep-result.ts';
import { type RanPoint, unstablePoints } from './unstable-points.ts';

/** A target that a case runs on beside its first. */
export interface SecondIut {
  readonly port: DriverPort;
  readonly offer: FeatureSet;
}

export interface RunOptions {
  readonly seed: number;
  /** For cases with `iuts: 2`. */
  readonly other?: SecondIut;
  /** Of a sweep: the only point to run. */
  readonly point?: string;
  /** Of a sweep: no more points than these, spread over it. */
  readonly mostPoints?: number;
  /** Of a sweep: decides what silences were while the process that was silent is there, before it is replaced. */
  settle?(run: CaseRun): void;
  /** The place on the axes of the case; the first unless told. */
  readonly axes?: Axes;
}

type Sweep = { -readonly [Name in keyof SweepResult]: SweepResult[Name] };

const pointsBetweenLiveness = 64;
const crashesBeforeGivingUp = 3;
const silencesBeforeGivingUp = 3;
/** A process that starts so fast is started afresh for each repetition of a point. */
const cheapRestartMs = 250;
/** Ways to fail for which a whole deadline was waited. */
const waited: readonly FailureKind[] = ['desync', 'stalled', 'hang'];

/** The point that was asked for is none of this variant's. */
export class NoSuchPointError extends DriverUsageError {}

/** One run of one case with one variant: the context that the case sees, and what came of its checks. */
export class CaseRun implements CaseContext<string, VariantAxes> {
  readonly port: DriverPort;
  readonly variant: VariantOf<VariantAxes>;
  readonly checks = new Map<string, Check>();
  /** Of requirements that the case does not declare and the oracle found broken. */
  readonly watched = new Map<string, Check>();
  readonly #definition: AnyCase;
  readonly #offer: FeatureSet;
  readonly #options: RunOptions;
  readonly #axes: Axes;
  readonly #layout: RingLayout;
  #session: Session | undefined;
  #guest: Guest | undefined;
  /** By session and guest; the case's own guest as undefined, which is made at first use. */
  readonly #drivers = new Map<Session, Map<Guest | undefined, DeviceDriver>>();
  /** Sessions since the point began. */
  readonly #opened: Session[] = [];
  readonly #random: RandomGenerator;
  readonly #controls: Controls = new Map();
  #accepted: FeatureSet = noFeatures;
  #hasRing = false;
  #sweep: SweepResult | undefined;
  #isOverBudget = false;
  /** What the last start of the IUT took, once one was needed. */
  #restartMs = Number.POSITIVE_INFINITY;

  constructor(
    port: DriverPort,
    definition: AnyCase,
    variant: VariantOf<VariantAxes>,
    offer: FeatureSet,
    options: RunOptions,
  ) {
    this.port = port;
    this.variant = variant;
    this.#definition = definition;
    this.#offer = offer;
    this.#options = options;
    this.#axes = options.axes ?? axesOf(definition)[0] ?? {};
    this.#layout = layoutOf(definition, this.#axes);
    this.#random = xoroshiro128plus(options.seed);
    for (const slug of Object.keys(definition.proves)) {
      this.checks.set(slug, new Check(requirementOn(this.#layout, slug), port.log));
    }
  }

  /** What sessions of the case acknowledged, any of them. */
  get accepted(): FeatureSet {
    this.#noteAccepted();
    return this.#accepted;
  }

  /** Whether the case has the plan run it on rings, and made none. */
  get lacksRing(): boolean {
    const { ring } = this.#definition.applies;
    return ring !== 'none' && ring !== 'negotiated' && !this.#hasRing;
  }

  /** What the oracle found fails the requirement that was broken, declared by the case or not. */
  found(findings: readonly OracleFinding[]): void {
    for (const { requirement, ...failure } of findings) {
      const check =
        this.checks.get(requirement) ?? this.watched.get(requirement) ?? new Check(requirement, this.port.log);
      if (!this.checks.has(requirement)) this.watched.set(requirement, check);
      check.failures.push({ how: 'wrong', ...failure, what: `${failure.what} (seen by the oracle)` });
    }
  }

  /** What the log of the device shows: a configuration that nothing closed belongs to a connection that is gone. */
  foundOfDevice(problems: readonly LifeProblem[]): void {
    if (problems.length === 0) return;
    const requirement = 'vu-reconnect/dead-connection-resources-released';
    const traceEvent = this.port.log.next;
    const check = this.checks.get(requirement) ?? new Check(requirement, this.port.log);
    if (!this.checks.has(requirement)) this.watched.set(requirement, check);
    for (const problem of problems) check.failures.push({ how: 'wrong', ...problem, traceEvent });
  }

  get sweep(): SweepResult | undefined {
    return this.#sweep;
  }

  get session(): Session {
    if (this.#session === undefined) throw new DriverUsageError(`${this.#definition.id} starts without a session`);
    return this.#session;
  }

  get guest(): Guest {
    if (this.#guest === undefined) {
      const name = this.#definition.applies.memory ?? 'below-and-above-4gib';
      const layout = Object.values(guestLayouts).find((one) => one.name === name);
      if (layout === undefined) throw new DriverUsageError(`no memory layout ${name}`);
      this.#guest = this.port.createGuest(layout);
    }
    return this.#guest;
  }

  get driver(): DeviceDriver {
    return this.driverOf(this.session);
  }

  get other(): DriverPort {
    return this.#second.port;
  }

  /** The IUTs that the case runs on. */
  get ports(): readonly DriverPort[] {
    return this.#definition.applies.iuts === 2 ? [this.port, this.#second.port] : [this.port];
  }

  get #second(): SecondIut {
    const { other } = this.#options;
    if (this.#definition.applies.iuts !== 2 || other === undefined) {
      throw new DriverUsageError(`${this.#definition.id} runs on one IUT: say iuts: 2 in applies`);
    }
    return other;
  }

  // A case takes these out of the context by destructuring, so they are bound.
  readonly requirement = (slug: string): Check => {
    const check = this.checks.get(slug);
    if (check === undefined) throw new DriverUsageError(`${this.#definition.id} does not declare ${slug}`);
    return check;
  };

  readonly refusal = <Opened extends OpenedSession>(trial: RefusalTrial<Opened>): Refusal => {
    for (const session of this.#opened) if (session.isOpen) session.close();
    return Refusal.tried(trial, this.#controls);
  };

  readonly random = (bound: number): number => uniformInt(this.#random, 0, bound - 1);

  readonly connect = (start: SessionStart, to?: 'other'): Session => {
    const { port, offer } = to === undefined ? { port: this.port, offer: this.#offer } : this.#second;
    const opened = port.connect();
    if (opened.kind === 'refused') throw new PeerProtocolError(`the connection was refused: ${opened.why}`);
    const { session } = opened;
    this.#opened.push(session);
    if (start === 'connected') return session;
    const negotiation = this.#negotiation(port.facts, offer);
    if (start === 'prepared') {
      session.prepare(negotiation);
      return session;
    }
    session.negotiate(negotiation);
    if (this.#definition.applies.shareMemory !== false) {
      const shared = session.shareMemory(this.guest);
      if (shared.kind === 'died') throw new IutGoneError('the process ended at the memory table');
      if (shared.kind === 'silent') throw new DeadlineError('no answer behind the memory table');
      // Cases that are about the table tell it themselves.
      this.#firstOpenCheck()?.granted(shared, 'the memory table');
    }
    return session;
  };

  #negotiation(facts: TargetFacts, offer: FeatureSet): FeatureSet {
    const wants = wantsOn(this.#layout, this.#definition);
    return this.#isAsOffered ? offeredNegotiation(wants, facts, offer) : negotiationFor(wants, facts, offer);
  }

  get #isAsOffered(): boolean {
    return this.#axes.negotiation === 'offered';
  }

  readonly driverOf = (session: Session, guest?: Guest): DeviceDriver => {
    const drivers = this.#drivers.get(session) ?? new Map<Guest | undefined, DeviceDriver>();
    this.#drivers.set(session, drivers);
    const own = guest === this.#guest ? undefined : guest;
    const facts = this.port.facts.workload;
    const driver =
      drivers.get(own) ??
      openDeviceDriver({
        session,
        facts,
        guest: () => own ?? this.guest,
        ...(this.#isAsOffered ? { kicks: 'when-asked' } : {}),
      });
    drivers.set(own, driver);
    return driver;
  };

  readonly ring = ({ guest = this.guest, ...request }: RingRequest): GuestRing => {
    const { id, applies } = this.#definition;
    if (applies.ring === 'none') throw new DriverUsageError(`${id} makes a ring: say so by leaving out ring: 'none'`);
    if (applies.ring === 'negotiated') {
      throw new DriverUsageError(`${id} negotiates the layout itself: it makes rings of driver.layout in its guest`);
    }
    const missing = ringMissing(request.size, this.port.facts);
    if (missing !== undefined) throw new RequestsUnknownError(missing);
    this.#hasRing = true;
    return guest.ring({ layout: this.#layout, ...request });
  };

  /** Opens what `start` asks for and runs the case to its end or its first failure that ends it. */
  execute(): void {
    this.#guarded(() => {
      const { start } = this.#definition.applies;
      if (start !== 'closed') this.#session = this.connect(start);
      this.#definition.run(this);
    });
  }

  readonly points = <P extends Point>(
    all: Iterable<P>,
    check: (point: P) => void,
    options: SweepOptions = {},
  ): void => {
    const { point: only, mostPoints } = this.#options;
    const wanted = spread(
      [...all].filter(({ key }) => only === undefined || key === only),
      mostPoints,
    );
    if (wanted.length === 0 && only !== undefined)
      throw new NoSuchPointError(`${this.#definition.id} has no point ${only}`);
    const sweep: Sweep = { count: 0, failed: [] };
    this.#sweep = sweep;
    this.#session?.close();
    this.#closeOpened();
    const crashes = new Map<string, number>();
    const ran: RanPoint<P>[] = [];
    let sinceLiveness: P[] = [];
    for (const [at, point] of wanted.entries()) {
      const before = this.#failureCounts();
      const signature = this.#runPoint(point, check, sweep);
      ran.push({ point, ending: this.#endingSince(before) });
      const why = this.#whyNoMore(signature, crashes, sweep, options);
      const isLast = at === wanted.length - 1;
      if (why !== undefined && !isLast) {
        sweep.left = { points: wanted.slice(at + 1).map(({ key }) => key), why };
        break;
      }
      sinceLiveness.push(point);
      if (sinceLiveness.length < pointsBetweenLiveness && !isLast) continue;
      if (!isServing(this.port)) this.#findCulprit(sinceLiveness, check, sweep);
      sinceLiveness = [];
    }
    if (crashes.size > 0) this.#repeat(ran, check, sweep);
  };

  /** Where a point crashes the process, what the others come to may be chance as well: each is run again. */
  #repeat<P extends Point>(ran: readonly RanPoint<P>[], check: (point: P) => void, sweep: Sweep): void {
    if (!canRestart(this.port)) return;
    const again = (point: P): string | undefined => {
      if (this.#isOverBudget) return undefined;
      // What is by chance is so for each process: where its memory lies, and what is in it.
      if (this.#restartMs <= cheapRestartMs && sweep.restarted !== 'at-the-end') this.#restart();
      const before = this.#failureCounts();
      const { count, failed } = sweep;
      sweep.failed = [];
      this.#runPoint(point, check, sweep);
      Object.assign(sweep, { count, failed });
      const ending = this.#endingSince(before);
      for (const [at, { failures }] of [...this.checks.values()].entries()) failures.splice(before[at] ?? 0);
      return this.#isOverBudget ? undefined : ending;
    };
    const unstable = unstablePoints(ran, again);
    if (unstable.length > 0) sweep.unstable = unstable;
  }

  #failureCounts(): number[] {
    return [...this.checks.values()].map(({ failures }) => failures.length);
  }

  /** How a point ended: requirements and ways of failing of what was recorded since; empty where nothing failed. */
  #endingSince(before: readonly number[]): string {
    const failed = [...this.checks.values()].flatMap(({ requirement, failures }, at) =>
      failures.slice(before[at]).map(({ how, silent }) => `${requirement} ${silent === true ? 'silence' : how}`),
    );
    return [...new Set(failed)].sort().join();
  }

  #whyNoMore(
    signature: string | undefined,
    crashes: Map<string, number>,
    sweep: Sweep,
    options: SweepOptions,
  ): string | undefined {
    if (this.#isOverBudget) return 'because the target is too slow for them';
    if (options.untilFirstFailure === true && sweep.failed.length > 0) return 'after the first that failed';
    // Each costs a whole deadline.
    if (this.#silenceCount() >= silencesBeforeGivingUp) return `after ${silencesBeforeGivingUp} silences`;
    if (signature === undefined) return undefined;
    if (!canRestart(this.port)) return 'because the process ended, and it is not ours to start again';
    const times = (crashes.get(signature) ?? 0) + 1;
    crashes.set(signature, times);
    return times < crashesBeforeGivingUp ? undefined : `after ${times} crashes of one signature`;
  }

  /** The signature of a crash, if the point ended in one. */
  #runPoint<P extends Point>(point: P, check: (point: P) => void, sweep: Sweep): string | undefined {
    const before = this.#failureCount();
    const countsBefore = this.#failureCounts();
    if (sweep.restarted === 'at-the-end') sweep.restarted = 'in-between';
    this.port.log.note(`point ${point.key}`);
    sweep.count++;
    for (const open of this.checks.values()) open.isBesideText = false;
    const mark = this.#guest?.mark();
    const closeReceived = this.port.descriptors.mark();
    this.#guarded(() => check(point));
    this.#closeOpened();
    closeReceived();
    if (mark !== undefined) this.#guest?.release(mark);
    if (this.#failureCount() > before) sweep.failed.push(point.key);
    if (this.#hasSilence() && this.port.iut.isAlive()) this.#options.settle?.(this);
    this.#namePoint(countsBefore, point.key);
    const exit = this.port.iut.exit();
    if (exit === undefined) return undefined;
    if (this.#failureCount() === before) {
      sweep.failed.push(point.key);
      const open = this.#firstOpenCheck();
      if (open !== undefined) open.isBesideText = true;
      open?.fail('crash', `point ${point.key}`, 'the process lives on', exitText(exit), exit);
    }
    this.#namePoint(countsBefore, point.key);
    // The judge waits for it, and the sweep ends here.
    if (!canRestart(this.port)) return exitText(exit);
    if (sweep.restarted !== undefined) sweep.crashRepeated = true;
    this.#restart();
    sweep.restarted = 'at-the-end';
    return exitText(exit);
  }

  #restart(): void {
    const began = this.port.nowMs();
    this.port.iut.restart();
    this.#restartMs = this.port.nowMs() - began;
  }

  #namePoint(before: readonly number[], point: string): void {
    for (const [at, { failures }] of [...this.checks.values()].entries()) {
      for (let n = before[at] ?? 0; n < failures.length; n++) failures[n] = { ...(failures[n] as Failure), point };
    }
  }

  /** Nothing serves any more after these points: each once more on a fresh process, to find the one that does it. */
  #findCulprit<P extends Point>(points: readonly P[], check: (point: P) => void, sweep: Sweep): void {
    const range = `points ${points[0]?.key} to ${points.at(-1)?.key}`;
    if (!canRestart(this.port)) {
      this.#firstOpenCheck()?.fail('hang', `a new session after ${range}`, 'it is served', 'it is not');
      return;
    }
    for (const point of points) {
      this.port.iut.restart();
      this.#guarded(() => check(point));
      this.#closeOpened();
      if (isServing(this.port)) continue;
      if (!sweep.failed.includes(point.key)) sweep.failed.push(point.key);
      this.#firstOpenCheck()?.fail('hang', `a new session after point ${point.key}`, 'it is served', 'it is not');
      this.port.iut.restart();
      return;
    }
    this.port.iut.restart();
    this.#firstOpenCheck()?.inconclusive(`nothing was served after ${range}, but none of them alone does that`);
  }

  /** What ended early has left its sessions open: an IUT that serves one at a time would keep the next waiting. */
  #closeOpened(): void {
    this.#noteAccepted();
    for (const session of this.#opened.splice(0)) if (session.isOpen) session.close();
  }

  #noteAccepted(): void {
    const { device, protocol, backend } = this.#accepted;
    const words = { device, protocol, backend };
    for (const { negotiated } of this.#opened) {
      words.device |= negotiated.accepted.device;
      words.protocol |= negotiated.accepted.protocol;
      words.backend |= negotiated.accepted.backend;
    }
    this.#accepted = words;
  }

  #failureCount(): number {
    let count = 0;
    for (const check of this.checks.values()) count += check.failures.length;
    return count;
  }

  #silenceCount(): number {
    let count = 0;
    for (const { failures } of this.checks.values()) {
      count += failures.filter(({ silent, how }) => silent === true || waited.includes(how)).length;
    }
    return count;
  }

  #hasSilence(): boolean {
    return [...this.checks.values()].some(({ failures }) => failures.some(({ silent }) => silent === true));
  }

  /** The requirement that was being shown: the first that no check has touched, or the last one. */
  #firstOpenCheck(): Check | undefined {
    const all = [...this.checks.values()];
    return all.find((check) => check.evaluated === 0) ?? all.at(-1);
  }

  /** What the peer did wrong becomes a failure of the requirement that was being shown; our own errors pass through. */
  #guarded(body: () => void): void {
    try {
      body();
    } catch (error) {
      if (error instanceof CaseEnded) return;
      if (error instanceof BudgetError) {
        this.#isOverBudget = true;
        this.#firstOpenCheck()?.inconclusive(error.message);
        return;
      }
      if (error instanceof RequestsUnknownError) {
        // On a path that no reference takes: what is asked for on theirs is known before the run.
        this.#firstOpenCheck()?.inconclusive(`what the device did cannot be judged without ${error.message}`);
        return;
      }
      const check = this.#firstOpenCheck();
      if (check === undefined) throw error;
      if (error instanceof PremiseError && this.ports.every(({ iut }) => iut.exit() === undefined)) {
        check.inconclusive(`${presupposedWrongly}${error.message}`);
        return;
      }
      const ended = this.ports.find(({ iut }) => iut.exit() !== undefined);
      const failure = thrownFailure(error, ended ?? this.port, Math.max(0, this.port.log.next - 1));
      if (failure === undefined) throw error;
      // A completion is owed to the requirement that is shown. Elsewhere nothing was claimed: a crash there is harm.
      const isOwed = error instanceof IutGoneError && error.owesCompletion;
      if (failure.how === 'crash' && !isOwed) check.isBesideText = true;
      check.record(failure);
    } finally {
      this.#tellDesync();
    }
  }

  /** What was owed did not come, but something else did on the same connections: no control can explain that. */
  #tellDesync(): void {
    for (const { failures } of this.checks.values()) {
      for (const [at, { silent, ...failure }] of failures.entries()) {
        const actual = silent === true ? this.#opened.find(({ desync }) => desync !== undefined)?.desync : undefined;
        if (actual !== undefined) failures[at] = { ...failure, how: 'desync', actual };
      }
    }
  }
}
