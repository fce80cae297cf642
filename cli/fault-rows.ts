import { type FaultLayer, type Showing, showings } from '../reference-impl/faults/fault.ts';
import { type FaultName, faultNames, faults } from '../reference-impl/faults/faults.ts';
import type { RingLayout } from '../reference-impl/virtqueue/ring.ts';
import { ringLayouts } from '../reference-impl/virtqueue/ring.ts';
import type { Axes } from '../reports/record/axes.ts';
import type { RequirementOutcome } from '../reports/record/record.ts';
import { axesOf, layoutOf, reportedRequirements, requirementOn } from '../suites/axes.ts';
import type { AnyCase } from '../suites/case.ts';
import { type AlsoFailed, breaksTooMuch } from './also-failed.ts';
import { devicesShownBy, FaultyReference, transportOf } from './faulty-reference.ts';

/** A fault of the reference, shown by one transport and in one ring layout. */
export interface FaultPlace {
  readonly fault: FaultName;
  readonly layer: FaultLayer;
  readonly transport: Showing;
  /** Of the rings; absent for faults of a transport. */
  readonly layout?: RingLayout;
}

/** What the fault does to the cases there. */
export interface FaultRow extends FaultPlace, AlsoFailed {
  readonly requirement: string;
  /** Cases that name the fault and apply there. */
  readonly expectedBy: readonly string[];
  /** Cases that fail under it and cite its requirement, or in which the oracle finds that one broken. */
  readonly caughtBy: readonly string[];
  /** Why nothing was tried: the fault is hidden there, or what the cases that name it miss. */
  readonly notShown?: string;
}

const showingsOf = (name: FaultName): readonly Showing[] => {
  const fault = faults[name];
  return fault.layer === 'transport'
    ? showings.filter((showing) => transportOf[showing] === fault.transport)
    : showings;
};

/** Every place of a fault. The first in which it shows is the one where other cases are tried as well. */
export function placesOf(name: FaultName): FaultPlace[] {
  const fault = faults[name];
  const { layer } = fault;
  const layouts = layer === 'ring' ? fault.layouts : ringLayouts;
  return showingsOf(name).flatMap((transport): FaultPlace[] =>
    layer === 'transport'
      ? [{ fault: name, layer, transport }]
      : layouts.map((layout) => ({ fault: name, layer, transport, layout })),
  );
}

/** Where on its axes a case runs in a place, with what it wants alone; undefined where it has no such rings. */
function axesIn({ layout }: FaultPlace, definition: AnyCase): Axes | undefined {
  const all = axesOf(definition);
  return layout === undefined ? all[0] : all.find((axes) => layoutOf(definition, axes) === layout);
}

/** Of a sweep that is not about the fault, a few points are enough to show that it breaks more than it says. */
const pointsOfOthers = 3;

/**
 * The rows of one fault, from runs in process. In the first place that shows it: the cases that cite its requirement,
 * each until one variant fails, and the others once, with few points of their sweeps, on the device that showed the
 * fault. In the other places: the cases that name the fault. With `most`, those that name it stand for those that cite
 * its requirement, and of the others at most so many run; all of them where too many of those fail.
 */
export function rowsOf(name: FaultName, cases: readonly AnyCase[], most: number): FaultRow[] {
  let isShown = false;
  return placesOf(name).map((place) => {
    const row = rowOf(place, cases, isShown ? 'named' : most);
    if (row.notShown === undefined) isShown = true;
    return row;
  });
}

/** A case on one reference in one place. */
interface Attempt {
  readonly reference: FaultyReference;
  readonly definition: AnyCase;
  readonly axes: Axes;
}

/** `others` is how many cases are tried that do not cite its requirement; with `named`, only those run that name it. */
function rowOf(place: FaultPlace, cases: readonly AnyCase[], others: number | 'named'): FaultRow {
  const { requirement: slug, hiddenFrom } = faults[place.fault];
  const requirement = place.layout === undefined ? slug : requirementOn(place.layout, slug);
  const untried = { ...place, requirement, expectedBy: [], caughtBy: [], alsoFailed: [], others: 0, isSample: false };
  const hidden = hiddenFrom?.[place.transport];
  if (hidden !== undefined) return { ...untried, notShown: hidden };
  const devices = devicesShownBy(place.transport);
  const references = devices.map((device) => new FaultyReference(place.transport, device, [place.fault]));
  const attemptsAt = (definition: AnyCase): Attempt[] => {
    const axes = axesIn(place, definition);
    if (axes === undefined) return [];
    return references
      .filter((reference) => reference.missing(definition, axes).length === 0)
      .map((reference) => ({ reference, definition, axes }));
  };
  const naming = cases.filter((definition) => namesFault(definition, place.fault));
  const expected = naming.filter((definition) => attemptsAt(definition).length > 0);
  const row = { ...place, requirement, expectedBy: expected.map(({ id }) => id) };
  if (expected.length === 0) return { ...untried, notShown: whyNotShown(place, naming, references) };
  const cites = (definition: AnyCase): boolean => {
    const axes = axesIn(place, definition);
    return axes !== undefined && reportedRequirements(definition, axes).includes(requirement);
  };
  try {
    const caughtBy: string[] = [];
    const shownBy = new Set<FaultyReference>();
    const areAllTried = others === Number.POSITIVE_INFINITY;
    for (const definition of areAllTried ? cases.filter(cites) : expected) {
      const attempt = attemptsAt(definition).find((one) => isCaught(one, requirement));
      if (attempt === undefined) continue;
      caughtBy.push(definition.id);
      shownBy.add(attempt.reference);
    }
    if (others === 'named') return { ...row, caughtBy, alsoFailed: [], others: 0, isSample: false };
    const ofOthers = cases
      .filter((definition) => !cites(definition) && isTriedBeside(definition, place))
      .flatMap((definition) => {
        const attempts = attemptsAt(definition);
        const attempt = attempts.find(({ reference }) => shownBy.has(reference)) ?? attempts[0];
        return attempt === undefined ? [] : [attempt];
      });
    const rowBeside = (tried: readonly Attempt[]): FaultRow => {
      const beside = besideFault(tried, requirement);
      return {
        ...row,
        caughtBy: [...caughtBy, ...beside.caughtBy],
        alsoFailed: beside.alsoFailed,
        others: tried.length,
        isSample: tried.length < ofOthers.length,
      };
    };
    const sampled = rowBeside(spreadOver(ofOthers, others, faultNames.indexOf(place.fault)));
    return sampled.isSample && breaksTooMuch(sampled) ? rowBeside(ofOthers) : sampled;
  } finally {
    for (const reference of references) reference.close();
  }
}

/** What cases that do not cite the requirement do under its fault. */
function besideFault(attempts: readonly Attempt[], requirement: string): Pick<FaultRow, 'caughtBy' | 'alsoFailed'> {
  const caughtBy: string[] = [];
  const alsoFailed: string[] = [];
  for (const { reference, definition, axes } of attempts) {
    const [variant] = reference.variantsOf(definition);
    if (variant === undefined) continue;
    const { verdict, outcomes } = reference.judge(definition, variant, axes, pointsOfOthers);
    // A finding of the oracle under the fault's requirement cites it.
    if (fails(outcomes, requirement)) caughtBy.push(definition.id);
    else if (verdict !== 'pass') alsoFailed.push(definition.id);
  }
  return { caughtBy, alsoFailed };
}

/**
 * vhost-mdev has many faults of its own: the cases that run on every transport are not tried beside
 * them.
 */
const isTriedBeside = ({ applies }: AnyCase, { layer, transport }: FaultPlace): boolean =>
  layer !== 'transport' || transport === 'vhost-user' || applies.transports !== undefined;

/** `count` of the items, evenly apart; the shift moves the choice, so that each is chosen for some shift. */
export function spreadOver<Item>(items: readonly Item[], count: number, shift: number): readonly Item[] {
  if (items.length <= count) return items;
  const step = items.length / count;
  const from = shift % Math.ceil(step);
  return Array.from({ length: count }, (_, n) => items[Math.floor(from + n * step) % items.length] as Item);
}

function whyNotShown(place: FaultPlace, naming: readonly AnyCase[], references: readonly FaultyReference[]): string {
  if (naming.length === 0) return 'no case names it';
  const missing = naming.flatMap((definition) => {
    const axes = axesIn(place, definition);
    if (axes === undefined) return [`rings of another layout than ${place.layout}`];
    return references.flatMap((one) => one.missing(definition, axes));
  });
  return `the cases that name it need ${[...new Set(missing)].join(', ')}`;
}

/** Whether some variant of the case fails there, on that requirement. */
const isCaught = ({ reference, definition, axes }: Attempt, requirement: string): boolean =>
  reference
    .variantsOf(definition)
    .some((variant) => fails(reference.judge(definition, variant, axes).outcomes, requirement));

const fails = (outcomes: readonly RequirementOutcome[], requirement: string): boolean =>
  outcomes.some((one) => one.requirement === requirement && one.outcome === 'fail');

const namedBy = new WeakMap<AnyCase, ReadonlySet<string>>();

/** Whether a case says that it catches the fault. */
export function namesFault(definition: AnyCase, name: string): boolean {
  const named = namedBy.get(definition) ?? new Set(Object.values(definition.proves).flat());
  namedBy.set(definition, named);
  return named.has(name);
}
