import { openReference } from '../drivers/reference/open-reference.ts';
import { type FaultName, faults, isFaultName } from '../reference-impl/faults/faults.ts';
import type { Outcome } from '../reports/record/record.ts';
import type { AnyCase } from '../suites/case.ts';
import { applicability } from '../suites/runner/applicability.ts';
import { firstContact } from '../suites/runner/first-contact.ts';
import { type Judgement, judge } from '../suites/runner/judge.ts';
import { type PlannedCase, selectCases } from '../suites/runner/plan.ts';
import { requirementFacts } from './catalogue-facts.ts';

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
const seed = 1;
const mostAlsoFailed = 0.1;

/** Runs every case in process on the reference with one fault. */
export function catchesOf(name: FaultName, cases: readonly AnyCase[]): FaultCatch {
  const { requirement } = faults[name];
  const expectedBy = cases.filter((definition) => namesFault(definition, name)).map(({ id }) => id);
  const caughtBy = new Set<string>();
  const alsoFailed = new Set<string>();
  const others = new Set<string>();
  for (const { planned, judgement } of judgedInProcess(cases, [name])) {
    const { definition } = planned;
    if (!Object.hasOwn(definition.proves, requirement)) others.add(definition.id);
    if (judgement.verdict === 'pass') continue;
    if (!Object.hasOwn(definition.proves, requirement)) alsoFailed.add(definition.id);
    else if (outcomeOf(judgement, requirement) === 'fail') caughtBy.add(definition.id);
  }
  return {
    fault: name,
    requirement,
    expectedBy,
    caughtBy: [...caughtBy],
    alsoFailed: [...alsoFailed],
    others: others.size,
  };
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
  for (const { planned, device, judgement } of judgedInProcess(cases, [])) {
    if (judgement.verdict === 'pass') continue;
    const [found] = judgement.findings;
    const why = judgement.error ?? (found === undefined ? '' : `${found.requirement}: ${found.what}: ${found.actual}`);
    problems.push(
      `${planned.key}: ${judgement.verdict} on the ${device} reference without a fault: ${why.split('\n')[0]}`,
    );
  }
  return problems;
}

interface Judged {
  readonly planned: PlannedCase;
  readonly device: (typeof devices)[number];
  readonly judgement: Judgement;
}

function* judgedInProcess(cases: readonly AnyCase[], names: readonly FaultName[]): Generator<Judged> {
  const planned = selectCases(cases, { cases: [], features: [], level: 'all' }, requirementFacts);
  for (const device of devices) {
    const port = openReference({ device, faults: names });
    try {
      const contact = firstContact(port);
      // A fault may forbid even the first conversation: then the offer is that of the right reference.
      const offer = contact.kind === 'served' ? contact.offer : rightOffer(device);
      for (const one of planned) {
        if (applicability(one.definition, port.facts, rightOffer(device)).length > 0) continue;
        const judgement = judge(port, one.definition, one.variant, offer, { seed, referenceMeetsDeadline: () => true });
        port.releaseAll();
        if (!port.iut.isAlive() || judgement.findings.some(({ how }) => how !== 'wrong')) port.iut.restart();
        yield { planned: one, device, judgement };
      }
    } finally {
      port.close();
    }
  }
}

const rightOffers = new Map<string, { features: bigint; protocolFeatures: bigint }>();

function rightOffer(device: (typeof devices)[number]): { features: bigint; protocolFeatures: bigint } {
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

function outcomeOf(judgement: Judgement, requirement: string): Outcome | undefined {
  return judgement.outcomes.find((one) => one.requirement === requirement)?.outcome;
}
