import type { DriverPort } from '../drivers/port/port.ts';
import { openMdevReference } from '../drivers/reference/open-mdev-reference.ts';
import { openReference } from '../drivers/reference/open-reference.ts';
import { firstContact } from '../judging/first-contact.ts';
import type { FeatureSet } from '../reference-impl/catalogue/catalogue.ts';
import { type FaultName, faultNames, faults, isFaultName } from '../reference-impl/faults/faults.ts';
import {
  isMdevFaultName,
  type MdevFaultName,
  mdevFaultNames,
  mdevFaults,
  withMdevFaults,
} from '../reference-impl/faults/mdev-faults.ts';
import type { EventLog } from '../reference-impl/observations/event-log.ts';
import { mdevRuleTables } from '../reference-impl/vhost-mdev/mdev-rules.ts';
import { caseKey, type VariantValues } from '../reports/record/record.ts';
import { type AnyCase, variantsOf } from '../suites/case.ts';
import { applicability } from '../suites/runner/applicability.ts';
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

/** Of the reference's vhost-user back-end, or of its vhost-mdev. */
export type AnyFaultName = FaultName | MdevFaultName;

export const anyFaultNames: readonly AnyFaultName[] = [...faultNames, ...mdevFaultNames];

export const isAnyFaultName = (name: string): name is AnyFaultName => isFaultName(name) || isMdevFaultName(name);

/** The references on which faults of one kind are tried, and the cases that are tried on them. */
interface FaultBench {
  readonly takes: (definition: AnyCase) => boolean;
  readonly settings: readonly Setting[];
}

/** One reference, opened with the faults of its kind among `names`. */
interface Setting {
  readonly name: string;
  /** @param log that of the reference that this one is the pair of. */
  readonly open: (names: readonly AnyFaultName[], log?: EventLog) => DriverPort;
}

const devices = ['block', 'net'] as const;

const isMdevCase = ({ applies }: AnyCase): boolean => applies.transports?.join() === 'vhost-mdev';

const sharing = (log: EventLog | undefined): { readonly log?: EventLog } => (log === undefined ? {} : { log });

const vhostUserBench: FaultBench = {
  takes: (definition) => !isMdevCase(definition),
  settings: devices.map((device) => ({
    name: device,
    open: (names, log) => openReference({ device, faults: names.filter(isFaultName), ...sharing(log) }),
  })),
};

const mdevBench: FaultBench = {
  takes: isMdevCase,
  settings: (['l2-strict', 'l1'] as const).flatMap((mode) =>
    devices.map((device) => ({
      name: `vhost-mdev ${mode} ${device}`,
      open: (names, log) =>
        openMdevReference({
          device,
          mode,
          rules: withMdevFaults(mdevRuleTables[mode], names.filter(isMdevFaultName)),
          ...sharing(log),
        }),
    })),
  ),
};

const benches = [vhostUserBench, mdevBench] as const;

const seed = 1;
const mostAlsoFailed = 0.1;
/** Of a sweep that is not about the fault, a few points are enough to show that it breaks more than it says. */
const pointsOfOthers = 3;

/**
 * Runs the cases in process on the reference with one fault: those that cite its requirement until one variant fails,
 * the others once, with few points of their sweeps, on the device that showed the fault.
 */
export function catchesOf(name: AnyFaultName, cases: readonly AnyCase[]): FaultCatch {
  const isOfMdev = isMdevFaultName(name);
  const { requirement } = isOfMdev ? mdevFaults[name] : faults[name];
  const bench = isOfMdev ? mdevBench : vhostUserBench;
  const tried = cases.filter(bench.takes);
  const citing = tried.filter(({ proves }) => Object.hasOwn(proves, requirement));
  const others = tried.filter(({ proves }) => !Object.hasOwn(proves, requirement));
  const references = bench.settings.map((setting) => new InProcessReference(setting, [name]));
  try {
    const caughtBy: string[] = [];
    const shownBy = new Set<InProcessReference>();
    for (const definition of citing) {
      const reference = referenceThatFails(references, definition, requirement);
      if (reference === undefined) continue;
      caughtBy.push(definition.id);
      shownBy.add(reference);
    }
    const order = [...references].sort((a, b) => Number(shownBy.has(b)) - Number(shownBy.has(a)));
    const ran = others.flatMap((definition) => {
      const reference = order.find((one) => one.applies(definition));
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
    for (const reference of references) reference.close();
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
      if (name !== undefined && !isAnyFaultName(name)) problems.push(`${id}: names ${name}, which is no fault`);
    }
  }
  for (const bench of benches) {
    const tried = cases.filter(bench.takes);
    for (const setting of bench.settings) problems.push(...problemsOfSetting(setting, tried));
  }
  return problems;
}

function problemsOfSetting(setting: Setting, cases: readonly AnyCase[]): string[] {
  const problems: string[] = [];
  const reference = new InProcessReference(setting, []);
  try {
    for (const definition of cases) {
      if (!reference.applies(definition)) continue;
      for (const variant of variantsOf(definition)) {
        const judgement = reference.judge(definition, variant);
        if (judgement.verdict === 'pass') continue;
        const where = `${caseKey(definition.id, variant)} on the ${setting.name} reference without a fault`;
        problems.push(`${where}: ${judgement.verdict}: ${whyOf(judgement)}`);
      }
    }
  } finally {
    reference.close();
  }
  return problems;
}

function whyOf({ error, findings, outcomes }: Judgement): string {
  const [found] = findings;
  if (error !== undefined) return error.split('\n')[0] ?? '';
  if (found !== undefined) return `${found.requirement}: ${found.what}: ${found.actual}`;
  return outcomes.find(({ why }) => why !== undefined)?.why ?? '';
}

/** The reference on which some variant of the case fails, citing the requirement. */
function referenceThatFails(
  references: readonly InProcessReference[],
  definition: AnyCase,
  requirement: string,
): InProcessReference | undefined {
  return references.find(
    (reference) =>
      reference.applies(definition) &&
      variantsOf(definition).some((variant) =>
        reference
          .judge(definition, variant)
          .outcomes.some((one) => one.requirement === requirement && one.outcome === 'fail'),
      ),
  );
}

/** A reference of this process, opened at first use. */
class InProcessReference {
  readonly #setting: Setting;
  readonly #faults: readonly AnyFaultName[];
  readonly #rightOffer: FeatureSet;
  #isServing = false;
  #pair: DriverPort | undefined;
  #opened: { readonly port: DriverPort; readonly offer: FeatureSet } | undefined;

  constructor(setting: Setting, names: readonly AnyFaultName[]) {
    this.#setting = setting;
    this.#faults = names;
    this.#rightOffer = rightOffer(setting);
  }

  applies(definition: AnyCase): boolean {
    const { facts } = this.#open().port;
    return applicability(definition, facts, this.#rightOffer, { facts, offer: this.#rightOffer }).length === 0;
  }

  judge(definition: AnyCase, variant: VariantValues, mostPoints?: number): Judgement {
    const { port, offer } = this.#open();
    const judgement = judge(port, definition, variant, offer, {
      seed,
      ...(mostPoints === undefined ? {} : { mostPoints }),
      ...(definition.applies.iuts === 2 ? { other: { port: this.#openPair(port), offer } } : {}),
      isServing: this.#isServing,
      referenceMeetsDeadline: () => true,
    });
    // Liveness after a case is part of its pass.
    this.#isServing = judgement.verdict === 'pass';
    for (const one of this.#pair === undefined ? [port] : [port, this.#pair]) {
      one.releaseAll();
      if (!one.iut.isAlive() || judgement.findings.some(({ how }) => how !== 'wrong')) one.iut.restart();
    }
    return judgement;
  }

  close(): void {
    this.#pair?.close();
    this.#opened?.port.close();
  }

  /** The same reference once more, for cases that need two. */
  #openPair(first: DriverPort): DriverPort {
    this.#pair ??= this.#setting.open(this.#faults, first.log);
    return this.#pair;
  }

  #open(): { readonly port: DriverPort; readonly offer: FeatureSet } {
    if (this.#opened === undefined) {
      const port = this.#setting.open(this.#faults);
      const contact = firstContact(port);
      // A fault may forbid even the first conversation: then the offer is that of the right reference.
      this.#opened = { port, offer: contact.kind === 'served' ? contact.offer : this.#rightOffer };
    }
    return this.#opened;
  }
}

const rightOffers = new Map<string, FeatureSet>();

function rightOffer({ name, open }: Setting): FeatureSet {
  const known = rightOffers.get(name);
  if (known !== undefined) return known;
  const port = open([]);
  try {
    const contact = firstContact(port);
    if (contact.kind !== 'served') throw new Error(`the ${name} reference is not served in process: ${contact.why}`);
    rightOffers.set(name, contact.offer);
    return contact.offer;
  } finally {
    port.close();
  }
}

function namesFault({ proves }: AnyCase, name: string): boolean {
  return Object.values(proves).flat().includes(name);
}
