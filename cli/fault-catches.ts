import type { DriverPort } from '../drivers/driver-port.ts';
import { openReference } from '../drivers/reference/open-reference.ts';
import { type FaultName, faults, isFaultName } from '../reference-impl/faults/faults.ts';
import { caseKey, type VariantValues } from '../reports/record/record.ts';
import { type AnyCase, variantsOf } from '../suites/case.ts';
import { applicability, type Offer } from '../suites/runner/applicability.ts';
import { firstContact } from '../suites/runner/first-contact.ts';
import { type Judgement, judge } from '../suites/runner/judge.ts';

/** What a fault of the reference does to the cases. */
export interface FaultCatch {
  readonly fault: string;
  readonly requirement: string;
  /** Cases that name the fault. */
  readonly expectedBy: readonly string[];
  /** Cases that fail under it, citing its requirement. */
  readonly caughtBy: readonly string[];
  /** Cases that do not cite its requirement and fail all the same. */
  readonly alsoFailed: readonly string[];
  /** How many cases do not cite its requirement and ran. */
  readonly others: number;
}

const devices = ['block', 'net'] as const;
type DeviceName = (typeof devices)[number];
const seed = 1;
const mostAlsoFailed = 0.1;
/** Of a sweep that is not about the fault, a few points are enough to show that it breaks more than it says. */
const pointsOfOthers = 3;

/**
 * Runs the cases in process on the reference with one fault: those that cite its requirement until one variant fails,
 * the others once, with few points of their sweeps, on the device that showed the fault.
 */
export function catchesOf(name: FaultName, cases: readonly AnyCase[]): FaultCatch {
  const { requirement } = faults[name];
  const citing = cases.filter(({ proves }) => Object.hasOwn(proves, requirement));
  const others = cases.filter(({ proves }) => !Object.hasOwn(proves, requirement));
  const references = openReferences([name]);
  try {
    const caughtBy: string[] = [];
    const shownBy = new Set<DeviceName>();
    for (const definition of citing) {
      const device = deviceThatFails(references, definition, requirement);
      if (device === undefined) continue;
      caughtBy.push(definition.id);
      shownBy.add(device);
    }
    const order = [...devices].sort((a, b) => Number(shownBy.has(b)) - Number(shownBy.has(a)));
    const ran = others.flatMap((definition) => {
      const reference = order.map((device) => references[device]).find((one) => one.applies(definition));
      const [variant] = variantsOf(definition);
      if (reference === undefined || variant === undefined) return [];
      return [{ id: definition.id, verdict: reference.judge(definition, variant, pointsOfOthers).verdict }];
    });
    return {
      fault: name,
      requirement,
      expectedBy: cases.filter((definition) => namesFault(definition, name)).map(({ id }) => id),
      caughtBy,
      alsoFailed: ran.filter(({ verdict }) => verdict !== 'pass').map(({ id }) => id),
      others: ran.length,
    };
  } finally {
    closeAll(references);
  }
}

/** What is wrong with a fault's catches, in a line each; empty when it is caught as it must be and does little else. */
export function problemsOf({ fault, expectedBy, caughtBy, alsoFailed, others }: FaultCatch): string[] {
  const problems: string[] = [];
  if (expectedBy.length === 0) problems.push(`${fault}: no case names it`);
  const missed = expectedBy.filter((id) => !caughtBy.includes(id));
  if (missed.length > 0)
    problems.push(`${fault}: not caught by ${missed.join(', ')}, which ${missed.length === 1 ? 'names' : 'name'} it`);
  if (alsoFailed.length > others * mostAlsoFailed) {
    problems.push(`${fault}: ${alsoFailed.length} of ${others} cases that do not cite its requirement fail as well`);
  }
  return problems;
}

/** What is wrong with the cases before any fault is tried: names of faults that are none, a right reference refused. */
export function problemsWithoutFault(cases: readonly AnyCase[]): string[] {
  const problems: string[] = [];
  for (const { id, proves } of cases) {
    for (const name of Object.values(proves).flat()) {
      if (name !== undefined && !isFaultName(name)) problems.push(`${id}: names ${name}, which is no fault`);
    }
  }
  const references = openReferences([]);
  try {
    for (const device of devices) {
      for (const definition of cases) {
        if (!references[device].applies(definition)) continue;
        for (const variant of variantsOf(definition)) {
          const judgement = references[device].judge(definition, variant);
          if (judgement.verdict === 'pass') continue;
          const where = `${caseKey(definition.id, variant)} on the ${device} reference without a fault`;
          problems.push(`${where}: ${judgement.verdict}: ${whyOf(judgement)}`);
        }
      }
    }
  } finally {
    closeAll(references);
  }
  return problems;
}

function whyOf({ error, findings, outcomes }: Judgement): string {
  const [found] = findings;
  if (error !== undefined) return error.split('\n')[0] ?? '';
  if (found !== undefined) return `${found.requirement}: ${found.what}: ${found.actual}`;
  return outcomes.find(({ why }) => why !== undefined)?.why ?? '';
}

/** The device on which some variant of the case fails, citing the requirement. */
function deviceThatFails(references: References, definition: AnyCase, requirement: string): DeviceName | undefined {
  for (const device of devices) {
    if (!references[device].applies(definition)) continue;
    for (const variant of variantsOf(definition)) {
      const { outcomes } = references[device].judge(definition, variant);
      if (outcomes.some((one) => one.requirement === requirement && one.outcome === 'fail')) return device;
    }
  }
  return undefined;
}

type References = Readonly<Record<DeviceName, InProcessReference>>;

function openReferences(names: readonly FaultName[]): References {
  return { block: new InProcessReference('block', names), net: new InProcessReference('net', names) };
}

function closeAll(references: References): void {
  for (const device of devices) references[device].close();
}

/** A reference of this process, opened at first use. */
class InProcessReference {
  readonly #device: DeviceName;
  readonly #faults: readonly FaultName[];
  readonly #rightOffer: Offer;
  #isServing = false;
  #opened: { readonly port: DriverPort; readonly offer: Offer } | undefined;

  constructor(device: DeviceName, names: readonly FaultName[]) {
    this.#device = device;
    this.#faults = names;
    this.#rightOffer = rightOffer(device);
  }

  applies(definition: AnyCase): boolean {
    return applicability(definition, this.#open().port.facts, this.#rightOffer).length === 0;
  }

  judge(definition: AnyCase, variant: VariantValues, mostPoints?: number): Judgement {
    const { port, offer } = this.#open();
    const judgement = judge(port, definition, variant, offer, {
      seed,
      ...(mostPoints === undefined ? {} : { mostPoints }),
      isServing: this.#isServing,
      referenceMeetsDeadline: () => true,
    });
    // Liveness after a case is part of its pass.
    this.#isServing = judgement.verdict === 'pass';
    port.releaseAll();
    if (!port.iut.isAlive() || judgement.findings.some(({ how }) => how !== 'wrong')) port.iut.restart();
    return judgement;
  }

  close(): void {
    this.#opened?.port.close();
  }

  #open(): { readonly port: DriverPort; readonly offer: Offer } {
    if (this.#opened === undefined) {
      const port = openReference({ device: this.#device, faults: this.#faults });
      const contact = firstContact(port);
      // A fault may forbid even the first conversation: then the offer is that of the right reference.
      this.#opened = { port, offer: contact.kind === 'served' ? contact.offer : this.#rightOffer };
    }
    return this.#opened;
  }
}

const rightOffers = new Map<string, Offer>();

function rightOffer(device: DeviceName): Offer {
  const known = rightOffers.get(device);
  if (known !== undefined) return known;
  const port = openReference({ device });
  try {
    const contact = firstContact(port);
    if (contact.kind !== 'served') throw new Error(`the ${device} reference is not served in process: ${contact.why}`);
    rightOffers.set(device, contact.offer);
    return contact.offer;
  } finally {
    port.close();
  }
}

function namesFault({ proves }: AnyCase, name: string): boolean {
  return Object.values(proves).flat().includes(name);
}
