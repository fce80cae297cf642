import { isBeyondText } from '../reference-impl/catalogue/catalogue.ts';
import { apartWords } from './judged-by-texts.ts';
import type { CaseRecord, Finding, Outcome, RequirementOutcome } from './record/record.ts';

/**
 * How a report counts a result: what was expected by an expectations file is no news (`known`), and what no chosen text
 * forbids is no failure (`apart`).
 */
export const standings = ['ok', 'failed', 'broken', 'skipped', 'known', 'apart'] as const;
export type Standing = (typeof standings)[number];

export function standingOf({ verdict, expected, findings }: StandingFacts): Standing {
  switch (verdict) {
    case 'pass':
      return 'ok';
    case 'fail':
      if (expected !== undefined) return 'known';
      return findings.length > 0 && findings.every(isApart) ? 'apart' : 'failed';
    case 'error':
      return 'broken';
    case 'inconclusive':
    case 'not-run':
    case 'not-applicable':
      return 'skipped';
  }
}

type StandingFacts = Pick<CaseRecord, 'verdict' | 'expected' | 'findings'>;

/** Whether the chosen texts do not hold what was broken. */
export function isApart({ apart }: Finding): boolean {
  return apart !== undefined;
}

/** `MUST`, or the basis where no text says it: records before 1.3 give that a keyword too. */
export function levelWord({ level, basis }: { readonly level: string | null; readonly basis: string }): string {
  return level === null || isBeyondText(basis) ? basis : level;
}

/** `MUST, newest text only`, or `robustness`. */
export function authorityWords(found: Finding): string {
  return found.apart === undefined ? levelWord(found) : `${levelWord(found)}, ${apartWords(found.apart)}`;
}

/** Each reason for which the findings of a result do not count, once. */
export function apartReasons({ findings }: CaseRecord): string {
  return [...new Set(findings.flatMap(({ apart }) => (apart === undefined ? [] : [apartWords(apart)])))].join(', ');
}

/** Why a result is neither pass nor fail: each reason once, in the order of the requirements. */
export function reasonsOf({ verdict, outcomes, error }: CaseRecord): string[] {
  const reasons = outcomes.filter(({ outcome }) => outcome === verdict).flatMap(({ why }) => why ?? []);
  return [...new Set(error === undefined ? reasons : [error, ...reasons])];
}

/** `virtio/x (MUST): wrong: used idx after 3 chains: expected 1, actual 65535`, in one paragraph. */
export function findingSentence(found: Finding): string {
  const { requirement, how, what, expected, actual, exit } = found;
  const end = exit?.signal ?? (exit?.code === undefined ? undefined : `exit code ${exit.code}`);
  const ended = end === undefined ? '' : ` (${end})`;
  return `${requirement} (${authorityWords(found)}): ${how}${ended}: ${what}: expected ${expected}, actual ${actual}`;
}

const outcomeWords: Record<Outcome, string> = {
  pass: 'pass',
  fail: 'fail',
  error: 'error',
  inconclusive: 'inconclusive',
  'not-run': 'not run',
  'not-applicable': 'not applicable',
};

export function outcomeWord(outcome: RequirementOutcome['outcome']): string {
  return outcomeWords[outcome];
}
