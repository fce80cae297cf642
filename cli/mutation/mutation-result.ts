import { counted } from '../counted.ts';
import type { Mutant } from './mutants.ts';
import type { Detection } from './worker-messages.ts';

/** What became of one mutant. */
export type MutationOutcome =
  | { readonly kind: 'killed'; readonly by: Detection; readonly item: string; readonly what: string }
  /** Items that reach it pass all the same. */
  | { readonly kind: 'survived'; readonly tried: number }
  /** No item that passes on the reference executes it. */
  | { readonly kind: 'not-reached' };

export interface MutationResult {
  readonly mutant: Mutant;
  readonly outcome: MutationOutcome;
  /** Items in which a case threw instead of judging: each is a defect of the suite. */
  readonly threw: readonly { readonly item: string; readonly what: string }[];
}

export function placeOf({ file, line, original, replacement, occurrence }: Mutant): string {
  const nth = occurrence === 0 ? '' : ` (occurrence ${occurrence})`;
  return `${file}:${line}: ${shortened(original)} → ${shortened(replacement)}${nth}`;
}

const mostCharacters = 100;
const shortened = (code: string): string =>
  code.length <= mostCharacters ? code : `${code.slice(0, mostCharacters)}…`;

export function lineOf({ mutant, outcome }: MutationResult): string {
  switch (outcome.kind) {
    case 'killed':
      return `ok killed (${outcome.by}) by ${outcome.item}: ${placeOf(mutant)}`;
    case 'survived':
      return `not ok survived ${counted(outcome.tried, 'result')}: ${placeOf(mutant)}`;
    case 'not-reached':
      return `not ok not reached: ${placeOf(mutant)}`;
  }
}

/** Killed mutants in percent of those that no one called equivalent. */
export function killedShare(results: readonly MutationResult[]): number {
  const killed = results.filter(({ outcome }) => outcome.kind === 'killed').length;
  return results.length === 0 ? 100 : (100 * killed) / results.length;
}

export function summaryOf(results: readonly MutationResult[], equivalent: number): string {
  const count = (kind: MutationOutcome['kind']): number =>
    results.filter(({ outcome }) => outcome.kind === kind).length;
  const threw = results.filter((one) => one.threw.length > 0).length;
  return [
    `${counted(results.length + equivalent, 'mutant')}: ${count('killed')} killed`,
    `${count('survived')} survived`,
    `${count('not-reached')} not reached`,
    `${equivalent} equivalent`,
    `${counted(threw, 'mutant')} made a case throw`,
    `${killedShare(results).toFixed(1)} % killed`,
  ].join(', ');
}
