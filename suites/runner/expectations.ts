import { z } from 'zod';
import { failureKinds } from '../../reference-impl/observations/failure-kind.ts';
import { inWords } from '../../reference-impl/schema-words.ts';
import { type CaseRecord, outcomes } from '../../reports/record/record.ts';
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
    /** It ends the kernel of a guest: it runs behind all else of its target, and counts towards no limit of deaths. */
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
 * Compares one result with the expectations that are about it. An entry that names no axis covers a case at every place
 * on its axes: it is cleared only where all of them pass.
 * @param sameCase the results of the run with the same target, case and variant, at every place on the axes.
 */
export function accordanceOf(
  result: CaseRecord,
  rules: ExpectationRules,
  sameCase: readonly CaseRecord[] = [result],
): Accordance {
  const about = rules.expectations.filter((entry) => isAbout(entry, result));
  const valid = about.filter((entry) => entry.expires === undefined || entry.expires >= rules.today);
  const cleared = valid.find((entry) =>
    sameCase
      .filter((one) => one === result || (one.verdict !== 'not-applicable' && isAbout(entry, one)))
      .every((one) => isCleared(entry, one)),
  );
  if (cleared !== undefined) return unexpected(`passes, but ${cleared.verdict} is expected: ${cleared.reason}`);
  switch (result.verdict) {
    case 'pass':
      return { kind: 'as-expected' };
    case 'not-applicable':
      if (!rules.strictTargets.includes(result.target)) return { kind: 'as-expected' };
      if (isOffAxis(result) || isElsewhere(result)) return { kind: 'as-expected' };
      return sameVerdict(result, valid, about);
    case 'inconclusive':
    case 'not-run':
      return sameVerdict(result, valid, about);
    case 'error':
      return unexpected(`error: ${(result.error ?? 'of our own').split('\n')[0]}`);
    case 'fail':
      return accordanceOfFailure(result, valid, about);
  }
}

/** Whether a result is known to end the kernel under it. */
export function endsKernel({ expectations, today }: ExpectationRules, target: string, names: ResultNames): boolean {
  return expectations.some(
    (entry) =>
      entry.ends === 'kernel' &&
      entry.target === target &&
      (entry.expires === undefined || entry.expires >= today) &&
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
  const failures = valid.filter((entry) => entry.verdict === 'fail');
  const covers = (entry: Expectation, found: CaseRecord['findings'][number]): boolean =>
    (entry.requirement === undefined || entry.requirement === found.requirement) &&
    (entry.how === undefined || entry.how === found.how);
  const counted = result.findings.filter(({ apart }) => apart === undefined);
  const open = counted.find((found) => !failures.some((entry) => covers(entry, found)));
  const [first] = failures;
  if (open === undefined && first !== undefined) return { kind: 'as-expected', expectation: first };
  // Nothing that the chosen texts hold is broken.
  if (result.findings.length > 0 && counted.length === 0) return { kind: 'as-expected' };
  const what = open === undefined ? 'fail' : `${open.requirement}: ${open.how}: ${open.what}`;
  return unexpected(`${what}${expiredNote(valid, about)}`);
}

function sameVerdict(result: CaseRecord, valid: readonly Expectation[], about: readonly Expectation[]): Accordance {
  const entry = valid.find((one) => one.verdict === result.verdict);
  if (entry !== undefined) return { kind: 'as-expected', expectation: entry };
  const why = result.outcomes.find((one) => one.outcome === result.verdict)?.why;
  return unexpected(`${result.verdict}${why === undefined ? '' : `: ${why}`}${expiredNote(valid, about)}`);
}

function isAbout(entry: Expectation, result: CaseRecord): boolean {
  if (entry.target !== result.target || !casePattern(entry.case)(result)) return false;
  return entry.requirement === undefined || result.outcomes.some((one) => one.requirement === entry.requirement);
}

/** The case applies, and the target offers no other value of an axis: nothing that a list of cases could say. */
function isOffAxis({ outcomes: all }: CaseRecord): boolean {
  return all.every(({ absentAxis }) => absentAxis !== undefined);
}

/** An expectation of a deviation that did not come: as bad as a deviation that was not expected. */
function isCleared(entry: Expectation, result: CaseRecord): boolean {
  if (entry.requirement === undefined) return result.verdict === 'pass';
  return result.outcomes.some((one) => one.requirement === entry.requirement && one.outcome === 'pass');
}

function expiredNote(valid: readonly Expectation[], about: readonly Expectation[]): string {
  const expired = about.find((entry) => !valid.includes(entry));
  return expired === undefined ? '' : ` (an expectation of it expired on ${expired.expires})`;
}

function unexpected(why: string): Accordance {
  return { kind: 'unexpected', why };
}
