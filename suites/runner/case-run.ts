import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import { openDeviceDriver } from '../../drivers/devices/device-types.ts';
import {
  BudgetError,
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
  UnansweredError,
} from '../../drivers/port/port.ts';
import type { LifeProblem } from '../../judging/device-life.ts';
import { negotiationFor, offeredNegotiation } from '../../judging/negotiation.ts';
import { type Controls, type OpenedSession, Refusal, type RefusalTrial } from '../../judging/refusal.ts';
import { thrownFailure } from '../../judging/thrown-failure.ts';
import { type FeatureSet, featuresWithout, namesIn, noFeatures } from '../../reference-impl/catalogue/catalogue.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
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
import { type SweepHost, SweepRun } from './sweep-run.ts';
import { fileUnanswered, LateAnswers } from './unanswered.ts';

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
  /** Sessions of the second IUT. */
  readonly #ofSecond = new WeakSet<Session>();
  /** Sessions since the point began. */
  readonly #opened: Session[] = [];
  readonly #random: RandomGenerator;
  readonly #controls: Controls = new Map();
  #accepted: FeatureSet = noFeatures;
  #hasRing = false;
  #sweep: SweepResult | undefined;
  #isOverBudget = false;
  readonly #lateAnswers: LateAnswers;

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
    this.#lateAnswers = new LateAnswers(port);
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
      const check = this.#watchedCheck(requirement);
      check.failures.push({ how: 'wrong', ...failure, what: `${failure.what} (seen by the oracle)` });
    }
  }

  /** What the log of the device shows: a configuration that nothing closed belongs to a connection that is gone. */
  foundOfDevice(problems: readonly LifeProblem[]): void {
    if (problems.length === 0) return;
    const requirement = 'vu-reconnect/dead-connection-resources-released';
    const traceEvent = this.port.log.next;
    const check = this.#watchedCheck(requirement);
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
    if (to === 'other') this.#ofSecond.add(session);
    if (start === 'connected') return session;
    const negotiation = this.#negotiation(port.facts, offer);
    if (start === 'prepared') {
      session.prepare(negotiation);
      return session;
    }
    session.negotiate(negotiation);
    this.#presumesSameOffer(session, port.facts, offer);
    if (this.#definition.applies.shareMemory !== false) {
      const shared = session.shareMemory(this.guest);
      if (shared.kind === 'died') throw new IutGoneError('the process ended at the memory table');
      if (shared.kind === 'silent') throw new UnansweredError('no answer behind the memory table');
      // Cases that are about the table tell it themselves.
      this.#firstOpenCheck()?.granted(shared, 'the memory table');
    }
    return session;
  };

  /** What the case wants was offered at first contact, which does not say that it is offered again. */
  #presumesSameOffer({ negotiated }: Session, facts: TargetFacts, offer: FeatureSet): void {
    const wanted = negotiationFor(wantsOn(this.#layout, this.#definition), facts, offer);
    const lacking = namesIn(featuresWithout(wanted, negotiated.accepted), facts);
    if (lacking.length > 0) throw new PremiseError(`${lacking.join(', ')} offered again, as at first contact`);
  }

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
    const { workload: facts } = (this.#ofSecond.has(session) ? this.other : this.port).facts;
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
    this.#session?.close();
    this.#closeOpened();
    const sweep = new SweepRun(this.#sweepHost(), check, options);
    this.#sweep = sweep.result;
    sweep.run(wanted);
  };

  #sweepHost(): SweepHost {
    const run = this;
    return {
      port: this.port,
      checks: [...this.checks.values()],
      get isOverBudget() {
        return run.#isOverBudget;
      },
      guarded: (body) => this.#guarded(body),
      closeOpened: () => this.#closeOpened(),
      firstOpenCheck: () => this.#firstOpenCheck(),
      markMemory: () => {
        const mark = this.#guest?.mark();
        return () => mark !== undefined && this.#guest?.release(mark);
      },
      settle: () => this.#options.settle?.(this),
    };
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

  /** Once it is known what silences were. */
  fileUnanswered(): void {
    fileUnanswered(this.checks.values(), (requirement) => this.#watchedCheck(requirement));
  }

  #watchedCheck(requirement: string): Check {
    const check =
      this.checks.get(requirement) ?? this.watched.get(requirement) ?? new Check(requirement, this.port.log);
    if (!this.checks.has(requirement)) this.watched.set(requirement, check);
    return check;
  }

  /** The requirement that was being shown: the first that no check has touched, or the last one. */
  #firstOpenCheck(): Check | undefined {
    const all = [...this.checks.values()];
    return all.find((check) => check.evaluated === 0) ?? all.at(-1);
  }

  #guarded(body: () => void): void {
    this.#recorded(body);
    this.#recorded(() => this.#lateAnswers.look([...this.checks.values()], this.#opened));
  }

  /** What the peer did wrong becomes a failure of the requirement that was being shown; our own errors pass through. */
  #recorded(body: () => void): void {
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
