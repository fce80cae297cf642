import type { DeviceDriver } from '../drivers/devices/device-driver.ts';
import type {
  Capability,
  DevicePart,
  DriverPort,
  Guest,
  GuestPackedRing,
  GuestRing,
  GuestSplitRing,
  RingPosition,
  Session,
  SessionOf,
  ToldFact,
  Transport,
} from '../drivers/port/port.ts';
import type { Refusal, RefusalTrial } from '../judging/refusal.ts';
import type { FeatureName, RequirementSlug } from '../reference-impl/catalogue/catalogue.ts';
import type { RingLayout } from '../reference-impl/virtqueue/ring.ts';
import type { RingPlacement } from '../reference-impl/virtqueue/ring-placement.ts';
import type { Check } from './check.ts';

export type VariantValue = string | number | boolean;
export type VariantAxes = Readonly<Record<string, readonly VariantValue[]>>;
export type VariantOf<Axes extends VariantAxes> = { readonly [Name in keyof Axes]: Axes[Name][number] };

/** A requirement that the case proves, with the fault (or faults) of the reference that must break it. */
export type Proves = Readonly<Partial<Record<RequirementSlug, string | readonly string[]>>>;

/** A connection without a message; one that has all before the device's feature bits; one that has these and memory. */
export type SessionStart = 'connected' | 'prepared' | 'negotiated';

/** What a case says of its rings. */
export type RingUse = RingLayout | 'none' | 'negotiated';

/** The rings that a case gets for what it says of them; `any` where it says nothing. */
export type RingFor<U extends RingUse | 'any'> = U extends 'split'
  ? GuestSplitRing
  : U extends 'packed'
    ? GuestPackedRing
    : U extends 'none'
      ? never
      : GuestRing;

/** What must hold before the case makes sense: computed before it runs, from data, naming what is missing. */
export interface Applies<T extends Transport = Transport, U extends RingUse = RingUse> {
  /** What the runner does first: nothing, or a session that got as far as this. */
  readonly start: 'closed' | SessionStart;
  /** Without it: every transport. The case's sessions are of these. */
  readonly transports?: readonly T[];
  /** Types of device, by the names that targets give them. Without it: every one. */
  readonly devices?: readonly string[];
  /** Feature bits, virtio or vhost-user protocol, that must be offered and are negotiated. */
  readonly negotiate?: readonly FeatureName[];
  /** Feature bits that must be offered; the case deals with them itself. */
  readonly offers?: readonly FeatureName[];
  /** Feature bits that must not be offered: what is said of devices that do is another case. */
  readonly unoffered?: readonly FeatureName[];
  /** Feature bits that are not negotiated although the runner would. */
  readonly without?: readonly FeatureName[];
  /**
   * `fixed`: the case negotiates its sessions itself, or looks at nothing that depends on what is negotiated. Other cases
   * of `virtio/` run with what they want, and with all that is offered.
   */
  readonly negotiation?: 'fixed';
  /**
   * A layout: the case has its rings in that one, with the raw fields of its memory. `none`: it makes no ring.
   * `negotiated`: it makes rings of the layout that it negotiates itself (`driver.layout`). Without it the case works with
   * what every layout has, and runs in each that the target offers.
   */
  readonly ring?: U;
  /** Capabilities of the target, parts of the device that its sessions must show, and facts that one of both tells. */
  readonly needs?: readonly (Capability | DevicePart | ToldFact)[];
  /** With 2, the case has a second IUT of the same transport and device, as `context.other`. */
  readonly iuts?: 1 | 2;
  /** Name of the guest's memory layout; two regions, below and above 4 GiB, without it. */
  readonly memory?: string;
  /** With `negotiated`: false when the case gives the memory table itself. */
  readonly shareMemory?: boolean;
  /** Other claims about the target that must be true; the text names what is missing. */
  readonly when?: readonly { readonly holds: (facts: DriverPort['facts']) => boolean; readonly missing: string }[];
}

/** One point of a sweep: a stable key and what the check needs. */
export interface Point {
  readonly key: string;
}

export interface SweepOptions {
  /**
   * Ends the sweep at the first point that fails; the rest are left out, and said to be. For what makes a device read
   * or write where it must not: what comes of the next point is chance then.
   */
  readonly untilFirstFailure?: boolean;
}

export interface RingRequest {
  readonly size: number;
  /** Where it begins; at the start of its layout unless told. */
  readonly position?: RingPosition;
  readonly placement?: RingPlacement;
  /** In place of the case's guest. */
  readonly guest?: Guest;
}

export interface CaseContext<
  Slug extends string,
  Axes extends VariantAxes,
  S extends Session = Session,
  R extends GuestRing = GuestRing,
> {
  readonly port: DriverPort<S>;
  /** The second IUT. What its sessions do enters the log of `port`. @throws DriverUsageError without `iuts: 2`. */
  readonly other: DriverPort<S>;
  /** The session that the runner opened. @throws DriverUsageError when the case starts `closed`. */
  readonly session: S;
  /** The case's guest memory; made at first use. */
  readonly guest: Guest;
  /** The device driver on that session. @throws DriverUsageError when the case starts `closed`. */
  readonly driver: DeviceDriver<R>;
  readonly variant: VariantOf<Axes>;
  /** Integers in [0, bound). Each run of a case begins the same sequence anew for the same seed. */
  random(bound: number): number;
  /** Connects once more, or for the first time, as `start` says for the argument; to the second IUT with `other`. */
  connect(start: SessionStart, to?: 'other'): S;
  /** The device driver on a session that the case opened, its requests in the case's guest unless told; one for each pair. */
  driverOf(session: S, guest?: Guest): DeviceDriver<R>;
  /** A ring in the case's guest unless told. @throws DriverUsageError where the case says that it makes none. */
  ring(request: RingRequest): R;
  /** The check of a declared requirement. */
  requirement(slug: Slug): Check;
  /**
   * Sends a message that must be refused and, where it was, the same without the flaw on an equal session;
   * `Check.refused` judges the result. Sessions of the case are closed first: some back-ends serve one at a time.
   */
  refusal<Opened extends S | { readonly session: S }>(trial: RefusalTrial<Opened>): Refusal;
  /**
   * Runs the check for each point on its own; one result with a count and the keys that failed. With `--point KEY`
   * only that one runs. A crash, hang or closed session in one point does not end the sweep: each point opens the
   * sessions that it uses. Those that the case has open are closed first, because liveness is asked for in between, and
   * some back-ends serve one connection at a time.
   */
  points<P extends Point>(all: Iterable<P>, check: (point: P) => void, options?: SweepOptions): void;
}

export interface CaseDefinition<
  P extends Proves = Proves,
  Axes extends VariantAxes = VariantAxes,
  T extends Transport = Transport,
  U extends RingUse | 'any' = RingUse | 'any',
> {
  /** A path that never changes, `area/group/what-it-shows`. */
  readonly id: string;
  readonly title: string;
  readonly proves: P;
  readonly applies: Applies<T, Exclude<U, 'any'>>;
  readonly variants?: Axes;
  /**
   * Why the oracle does not watch the rings of this case: it writes rings or memory in ways that no journal sees, or
   * lays chains that permit the device more than their segments say.
   */
  readonly unwatched?: string;
  run(context: CaseContext<Extract<keyof P, string>, Axes, SessionOf<T>, RingFor<U>>): void;
}

/** A case whose own types are forgotten, as lists of cases hold it. */
export interface AnyCase {
  readonly id: string;
  readonly title: string;
  readonly proves: Proves;
  readonly applies: Applies;
  readonly variants: VariantAxes;
  readonly unwatched?: string | undefined;
  run(context: CaseContext<string, VariantAxes>): void;
}

const idPattern = /^[a-z0-9-]+(\/[a-z0-9-]+){1,4}$/;
const mostVariants = 64;

/**
 * Declares a case. Citing a requirement that is not in `proves` is a type error.
 * @throws RangeError for a malformed id, no requirement, more than 64 variants, or a variant named as an axis.
 */
export function defineCase<
  const P extends Proves,
  const Axes extends VariantAxes = Record<never, never>,
  const T extends Transport = Transport,
  const U extends RingUse | 'any' = 'any',
>(definition: CaseDefinition<P, Axes, T, U>): AnyCase {
  if (!idPattern.test(definition.id))
    throw new RangeError(`case id ${definition.id} is not a path of kebab-case words`);
  if (Object.keys(definition.proves).length === 0) throw new RangeError(`${definition.id} proves nothing`);
  const variants: VariantAxes = definition.variants ?? {};
  if ('negotiation' in variants) throw new RangeError(`${definition.id}: negotiation is an axis of the plan`);
  const count = Object.values(variants).reduce((product, values) => product * values.length, 1);
  if (count === 0 || count > mostVariants) throw new RangeError(`${definition.id} has ${count} variants, not 1 to 64`);
  return {
    id: definition.id,
    title: definition.title,
    proves: definition.proves,
    applies: definition.applies,
    variants,
    unwatched: definition.unwatched ?? (definition.applies.iuts === 2 ? 'two IUTs share its memory' : undefined),
    // What applies was checked: the port is one of the case's transports, and its rings are of the case's layout.
    run: (context) =>
      definition.run(context as unknown as CaseContext<Extract<keyof P, string>, Axes, SessionOf<T>, RingFor<U>>),
  };
}

/** All combinations of the variants' values, names in the order of declaration. */
export function variantsOf(definition: AnyCase): Record<string, VariantValue>[] {
  let all: Record<string, VariantValue>[] = [{}];
  for (const [name, values] of Object.entries(definition.variants)) {
    all = all.flatMap((variant) => values.map((value) => ({ ...variant, [name]: value })));
  }
  return all;
}
