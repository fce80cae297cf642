import { referenceDeviceNames } from '../reference-impl/devices/reference-devices.ts';
import { type FaultLayer, type Showing, showings } from '../reference-impl/faults/fault.ts';
import { type FaultName, faults } from '../reference-impl/faults/faults.ts';
import type { RingLayout } from '../reference-impl/virtqueue/ring.ts';
import type { RequirementOutcome } from '../reports/record/record.ts';
import { type AnyCase, variantsOf } from '../suites/case.ts';
import { FaultyReference, transportOf } from './faulty-reference.ts';

/** A fault of the reference, shown by one transport and in one ring layout. */
export interface FaultPlace {
  readonly fault: FaultName;
  readonly layer: FaultLayer;
  readonly transport: Showing;
  /** Of the rings; absent for faults of a transport. */
  readonly layout?: RingLayout;
}

/** What the fault does to the cases there. */
export interface FaultRow extends FaultPlace {
  readonly requirement: string;
  /** Cases that name the fault and apply there. */
  readonly expectedBy: readonly string[];
  /** Cases that fail under it and cite its requirement, or in which the oracle finds that one broken. */
  readonly caughtBy: readonly string[];
  /** Cases that fail without citing its requirement. */
  readonly alsoFailed: readonly string[];
  /** How many cases that do not cite its requirement were tried; 0 where only those were that name the fault. */
  readonly others: number;
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
export function placesOf(fault: FaultName): FaultPlace[] {
  const { layer } = faults[fault];
  return showingsOf(fault).map((transport) => ({
    fault,
    layer,
    transport,
    ...(layer === 'transport' ? {} : { layout: 'split' }),
  }));
}

/** Of a sweep that is not about the fault, a few points are enough to show that it breaks more than it says. */
const pointsOfOthers = 3;

/**
 * The rows of one fault, from runs in process. In the first place that shows it: the cases that cite its requirement,
 * each until one variant fails, and the others once, with few points of their sweeps, on the device that showed the
 * fault. In the other places: the cases that name the fault.
 */
export function rowsOf(name: FaultName, cases: readonly AnyCase[]): FaultRow[] {
  let isSampled = false;
  return placesOf(name).map((place) => {
    const row = rowOf(place, cases, isSampled ? 'named' : 'all');
    if (row.notShown === undefined) isSampled = true;
    return row;
  });
}

function rowOf(place: FaultPlace, cases: readonly AnyCase[], tried: 'all' | 'named'): FaultRow {
  const { requirement, hiddenFrom } = faults[place.fault];
  const untried = { ...place, requirement, expectedBy: [], caughtBy: [], alsoFailed: [], others: 0 };
  const hidden = hiddenFrom?.[place.transport];
  if (hidden !== undefined) return { ...untried, notShown: hidden };
  const references = referenceDeviceNames.map((device) => new FaultyReference(place.transport, device, [place.fault]));
  const applies = (definition: AnyCase): boolean => references.some((one) => one.missing(definition).length === 0);
  const naming = cases.filter((definition) => namesFault(definition, place.fault));
  const expected = naming.filter(applies);
  const row = { ...place, requirement, expectedBy: expected.map(({ id }) => id) };
  if (expected.length === 0) return { ...untried, notShown: whyNotShown(naming, references) };
  try {
    const citing = tried === 'named' ? expected : cases.filter(({ proves }) => Object.hasOwn(proves, requirement));
    const caughtBy: string[] = [];
    const shownBy = new Set<FaultyReference>();
    for (const definition of citing) {
      const reference = referenceThatFails(references, definition, requirement);
      if (reference === undefined) continue;
      caughtBy.push(definition.id);
      shownBy.add(reference);
    }
    if (tried === 'named') return { ...row, caughtBy, alsoFailed: [], others: 0 };
    const order = [...references].sort((a, b) => Number(shownBy.has(b)) - Number(shownBy.has(a)));
    const isOther = ({ proves, applies }: AnyCase): boolean =>
      !Object.hasOwn(proves, requirement) && (place.layer !== 'transport' || isLikely(applies, place.transport));
    const others = cases.filter(isOther).flatMap((definition) => {
      const reference = order.find((one) => one.missing(definition).length === 0);
      const [variant] = variantsOf(definition);
      if (reference === undefined || variant === undefined) return [];
      const { verdict, outcomes } = reference.judge(definition, variant, pointsOfOthers);
      // A finding of the oracle under the fault's requirement cites it.
      if (fails(outcomes, requirement)) caughtBy.push(definition.id);
      return [{ id: definition.id, verdict }];
    });
    const alsoFailed = others
      .filter(({ id, verdict }) => verdict !== 'pass' && !caughtBy.includes(id))
      .map(({ id }) => id);
    return { ...row, caughtBy, alsoFailed, others: others.length };
  } finally {
    for (const reference of references) reference.close();
  }
}

/** Of the cases for every transport, those of the other layers are left out on vhost-mdev: it has many faults. */
const isLikely = ({ transports }: AnyCase['applies'], showing: Showing): boolean =>
  showing === 'vhost-user' || transports !== undefined;

function whyNotShown(naming: readonly AnyCase[], references: readonly FaultyReference[]): string {
  if (naming.length === 0) return 'no case names it';
  const missing = naming.flatMap((definition) => references.flatMap((one) => one.missing(definition)));
  return `the cases that name it need ${[...new Set(missing)].join(', ')}`;
}

/** The reference on which some variant of the case fails, citing the requirement. */
function referenceThatFails(
  references: readonly FaultyReference[],
  definition: AnyCase,
  requirement: string,
): FaultyReference | undefined {
  return references.find(
    (reference) =>
      reference.missing(definition).length === 0 &&
      variantsOf(definition).some((variant) => fails(reference.judge(definition, variant).outcomes, requirement)),
  );
}

const fails = (outcomes: readonly RequirementOutcome[], requirement: string): boolean =>
  outcomes.some((one) => one.requirement === requirement && one.outcome === 'fail');

const namesFault = ({ proves }: AnyCase, name: string): boolean => Object.values(proves).flat().includes(name);
