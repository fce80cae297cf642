import { showings } from '../reference-impl/faults/fault.ts';
import { type FaultName, isFaultName } from '../reference-impl/faults/faults.ts';
import type { Axes } from '../reports/record/axes.ts';
import { caseKey } from '../reports/record/record.ts';
import { axesOf, requirementOn } from '../suites/axes.ts';
import type { AnyCase } from '../suites/case.ts';
import type { Judgement } from '../suites/runner/judge.ts';
import { breaksTooMuch } from './also-failed.ts';
import { type FaultRow, namesFault, placesOf } from './fault-rows.ts';
import { devicesShownBy, FaultyReference } from './faulty-reference.ts';

/** Where the fault is tried, in words. */
export const placeText = ({ fault, transport, layout }: FaultRow): string =>
  `${fault} on ${transport}${layout === undefined ? '' : `, ${layout} rings`}`;

/** What is wrong with a row, in a line each; empty when the fault is caught as it must be and does little else. */
export function problemsOf(row: FaultRow): string[] {
  const { expectedBy, caughtBy, alsoFailed, others } = row;
  const problems: string[] = [];
  const missed = expectedBy.filter((id) => !caughtBy.includes(id));
  if (missed.length > 0) {
    const names = missed.length === 1 ? 'names' : 'name';
    problems.push(`${placeText(row)}: not caught by ${missed.join(', ')}, which ${names} it`);
  }
  if (breaksTooMuch(row)) {
    problems.push(
      `${placeText(row)}: ${alsoFailed.length} of ${others} cases that do not cite its requirement fail as well`,
    );
  }
  return problems;
}

/** What is wrong with the rows of one fault together: no transport shows it, or a case that names it is tried nowhere. */
export function problemsOfFault(name: FaultName, rows: readonly FaultRow[], cases: readonly AnyCase[]): string[] {
  const naming = cases.filter((definition) => namesFault(definition, name));
  if (naming.length === 0) return [`${name}: no case names it`];
  const tried = new Set(rows.flatMap(({ expectedBy }) => expectedBy));
  return naming.filter(({ id }) => !tried.has(id)).map(({ id }) => `${name}: ${id} names it and is tried nowhere`);
}

/** Cases that report on a requirement of packed rings, and name no fault that packed rings can have for it. */
export function problemsOfLayouts(cases: readonly AnyCase[]): string[] {
  return cases.flatMap((definition) => {
    if (!axesOf(definition).some((axes) => axes.layout === 'packed')) return [];
    return Object.entries(definition.proves).flatMap(([slug, named = []]) => {
      const requirement = requirementOn('packed', slug);
      const names = [named].flat().filter(isFaultName);
      const isTried = names.some((name) => placesOf(name).some(({ layout }) => layout !== 'split'));
      return requirement === slug || isTried ? [] : [`${definition.id}: names no fault that breaks ${requirement}`];
    });
  });
}

/**
 * What is wrong with the cases before any fault is tried: names of unknown faults, failures of the reference without faults.
 * @param onOneDevice each case runs on one device of each transport that shows it, another for each case.
 */
export function problemsWithoutFault(cases: readonly AnyCase[], onOneDevice: boolean): string[] {
  const problems: string[] = [];
  for (const { id, proves } of cases) {
    for (const name of Object.values(proves).flat()) {
      if (name !== undefined && !isFaultName(name)) problems.push(`${id}: names ${name}, which is not a fault`);
    }
  }
  for (const showing of showings) {
    const references = devicesShownBy(showing).map((device) => new FaultyReference(showing, device, []));
    try {
      for (const reference of references) {
        const isItsTurn = (definition: AnyCase, place: number): boolean =>
          !onOneDevice || deviceInTurn(references, definition, place) === reference;
        problems.push(...problemsOn(reference, cases.filter(isItsTurn)));
      }
    } finally {
      for (const reference of references) reference.close();
    }
  }
  return problems;
}

/** Of the devices to which a case applies, the one whose turn it is at a place among the cases. */
function deviceInTurn(
  references: readonly FaultyReference[],
  definition: AnyCase,
  place: number,
): FaultyReference | undefined {
  const concerned = references.filter((reference) =>
    axesWithoutFault(definition).some((axes) => reference.missing(definition, axes).length === 0),
  );
  return concerned[place % concerned.length];
}

const axesWithoutFault = (definition: AnyCase): readonly Axes[] =>
  axesOf(definition).filter(({ negotiation = 'minimal' }) => negotiation === 'minimal');

function problemsOn(reference: FaultyReference, cases: readonly AnyCase[]): string[] {
  const problems: string[] = [];
  for (const definition of cases) {
    for (const axes of axesWithoutFault(definition)) {
      if (reference.missing(definition, axes).length > 0) continue;
      for (const variant of reference.variantsOf(definition)) {
        const judgement = reference.judge(definition, variant, axes);
        if (judgement.verdict === 'pass') continue;
        const where = `${caseKey(definition.id, variant, axes)} on the ${reference.name} reference without a fault`;
        problems.push(`${where}: ${judgement.verdict}: ${whyOf(judgement)}`);
      }
    }
  }
  return problems;
}

function whyOf({ error, findings, outcomes }: Judgement): string {
  const [found] = findings;
  if (error !== undefined) return error.split('\n')[0] ?? '';
  if (found !== undefined) return `${found.requirement}: ${found.what}: ${found.actual}`;
  return outcomes.find(({ why }) => why !== undefined)?.why ?? '';
}
