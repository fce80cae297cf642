import { z } from 'zod';
import { failureKinds } from '../../reference-impl/observations/failure-kind.ts';
import { inWords } from '../../reference-impl/schema-words.ts';
import { type CaseRecord, type Finding, outcomes, type RequirementOutcome } from '../../reports/record/record.ts';
import { RecordError } from '../../reports/record/record-error.ts';
import { reasonOf } from '../../reports/record/record-writer.ts';
import { readNamedFile } from '../../reports/record/run-file.ts';
import { casePattern, type ResultNames } from './plan.ts';

const day = z.iso.date('is not a day as YYYY-MM-DD');

/** One deviation that is known and accepted until a day. */
export const expectation = z
  .strictObject({
    target: z.string().min(1),
    /** An id, a key, a folder of ids or a glob over ids. */
    case: z.string().min(1),
    /** Without it: any requirement of the result. */
    requirement: z.string().optional(),
    verdict: z.enum(outcomes).exclude(['pass', 'error']),
    how: z.enum(failureKinds).optional(),
    /**
     * It ends the kernel of a guest: it runs behind all else of its target, and counts towards no limit of deaths. Once a
     * result did so as expected, the others of the entry and the same case are not run.
     */
    ends: z.literal('kernel').optional(),
    reason: z.string().min(1),
    link: z.string().optional(),
    /** Last day on which it holds. What does not apply by nature needs none. */
    expires: day.optional(),
  })
  .refine((entry) => entry.expires !== undefined || entry.verdict === 'not-applicable', {
    message: 'is missing (a known failure needs a last day)',
    path: ['expires'],
  });
export type Expectation = z.infer<typeof expectation>;

const mostBytes = 64 << 20;
const expectationsFile = z.array(expectation);

/** @throws RecordError with one line that names the file and the entry. */
export function readExpectations(path: string): Expectation[] {
  let value: unknown;
  try {
    value = JSON.parse(readNamedFile(path, mostBytes).toString('utf8'));
  } catch (cause) {
    throw new RecordError(path, `cannot be read as expectations (${reasonOf(cause)})`, { cause });
  }
  const parsed = expectationsFile.safeParse(value, inWords);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RecordError(path, `is not a list of expectations: ${placeOf(issue?.path ?? [])}${issue?.message}`);
}

/** `entry 2, verdict: `, counted from 1 as people do; nothing for the file as a whole. */
function placeOf([entry, ...fields]: readonly PropertyKey[]): string {
  if (typeof entry !== 'number') return '';
  return `entry ${[entry + 1, ...fields.map(String)].join(', ')}: `;
}

export interface ExpectationRules {
  readonly expectations: readonly Expectation[];
  /** Day of the run as YYYY-MM-DD. */
  readonly today: string;
  /**
   * Targets on which not even `not-applicable` is accepted unless an expectation says so, or the case is about another
   * transport or device.
   */
  readonly strictTargets: readonly string[];
  /** Versions of texts that were chosen; of every other text the default counts. */
  readonly texts: readonly string[];
}

/** Whether a result is what was to be expected. */
export type Accordance =
  | { readonly kind: 'as-expected'; readonly expectation?: Expectation }
  | { readonly kind: 'unexpected'; readonly why: string };

/**
 * Compares one result with the expectations that are about it: each finding, and each outcome that gave it its verdict,
 * needs one of its own requirement. Whether each entry was seen in a run is told by `entriesNotSeen`.
 */
export function accordanceOf(result: CaseRecord, rules: ExpectationRules): Accordance {
  const about = rules.expectations.filter((entry) => isAbout(entry, result));
  const valid = about.filter((entry) => isInForce(entry, rules));
  switch (result.verdict) {
    case 'pass':
      return { kind: 'as-expected' };
    case 'not-applicable':
      if (!rules.strictTargets.includes(result.target)) return { kind: 'as-expected' };
      if (isOffAxis(result) || isElsewhere(result)) return { kind: 'as-expected' };
      return sameVerdict(result, valid, about);
    case 'inconclusive':
      return sameVerdict(result, valid, about);
    case 'not-run': {
      // One of its results is tried: `entriesNotSeen` tells where it was not.
      const ending = valid.find(({ ends }) => ends === 'kernel');
      return ending === undefined ? sameVerdict(result, valid, about) : { kind: 'as-expected', expectation: ending };
    }
    case 'error':
      return unexpected(`error: ${(result.error ?? 'of our own').split('\n')[0]}`);
    case 'fail':
      return accordanceOfFailure(result, valid, about);
  }
}

/** Whether the last day of an entry is not over. */
export function isInForce({ expires }: Expectation, { today }: Pick<ExpectationRules, 'today'>): boolean {
  return expires === undefined || expires >= today;
}

/** Whether an entry names a result by target and case, whatever it says of requirements. */
export function isAbout({ target, case: pattern }: Expectation, result: CaseRecord): boolean {
  return target === result.target && casePattern(pattern)(result);
}

/** Whether an entry expects this finding. */
export function isOfFinding(entry: Expectation, { requirement, how }: Finding): boolean {
  if (entry.verdict !== 'fail') return false;
  return (
    (entry.requirement === undefined || entry.requirement === requirement) &&
    (entry.how === undefined || entry.how === how)
  );
}

/** Whether a result shows what an entry expects, of the requirement of the entry where it has one. */
export function isSeenIn(entry: Expectation, { verdict, outcomes: all, findings }: CaseRecord): boolean {
  if (entry.verdict === 'fail') return findings.some((found) => isOfFinding(entry, found));
  if (entry.requirement === undefined) return verdict === entry.verdict;
  return all.some((one) => isOfOutcome(entry, one));
}

function isOfOutcome(entry: Expectation, { requirement, outcome }: RequirementOutcome): boolean {
  return entry.verdict === outcome && (entry.requirement === undefined || entry.requirement === requirement);
}

/** The entry by which a result is known to end the kernel under it. */
export function kernelEndOf(
  { expectations, today }: ExpectationRules,
  target: string,
  names: ResultNames,
): Expectation | undefined {
  return expectations.find(
    (entry) =>
      entry.ends === 'kernel' &&
      entry.target === target &&
      isInForce(entry, { today }) &&
      casePattern(entry.case)(names),
  );
}

/** The case is about another transport or device than the target's. */
function isElsewhere({ outcomes }: CaseRecord): boolean {
  return outcomes.every(({ elsewhere }) => elsewhere !== undefined);
}

function accordanceOfFailure(
  result: CaseRecord,
  valid: readonly Expectation[],
  about: readonly Expectation[],
): Accordance {
  const counted = result.findings.filter(({ apart }) => apart === undefined);
  const open = counted.find((found) => !valid.some((entry) => isOfFinding(entry, found)));
  const first = valid.find((entry) => isSeenIn(entry, result) && entry.verdict === 'fail');
  if (open === undefined && first !== undefined) return { kind: 'as-expected', expectation: first };
  // Nothing that the chosen texts hold is broken.
  if (result.findings.length > 0 && counted.length === 0) return { kind: 'as-expected' };
  if (open === undefined) return unexpected('fail');
  const expired = about.find((entry) => isOfFinding(entry, open));
  return unexpected(`${open.requirement}: ${open.how}: ${open.what}${expiredNote(expired)}`);
}

/** An outcome of the verdict that no entry expects decides. */
function sameVerdict(result: CaseRecord, valid: readonly Expectation[], about: readonly Expectation[]): Accordance {
  const deciding = result.outcomes.filter(({ outcome }) => outcome === result.verdict);
  const open = deciding.find((one) => !valid.some((entry) => isOfOutcome(entry, one)));
  const entry = valid.find((one) => one.verdict === result.verdict && isSeenIn(one, result));
  if (open === undefined && entry !== undefined) return { kind: 'as-expected', expectation: entry };
  const why = open?.why === undefined ? '' : `: ${open.why}`;
  const expired = open && about.find((one) => isOfOutcome(one, open));
  return unexpected(`${result.verdict}${why}${expiredNote(expired)}`);
}

/** The case applies, and the target offers no other value of an axis: nothing that a list of cases could say. */
function isOffAxis({ outcomes: all }: CaseRecord): boolean {
  return all.every(({ absentAxis }) => absentAxis !== undefined);
}

function expiredNote(expired: Expectation | undefined): string {
  return expired === undefined ? '' : ` (an expectation of it expired on ${expired.expires})`;
}

function unexpected(why: string): Accordance {
  return { kind: 'unexpected', why };
}
