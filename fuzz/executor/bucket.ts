import type { IutExit, SanitizerReport } from '../../drivers/port/port.ts';
import { nameOfRequest } from '../program/message-lawfulness.ts';
import type { Call } from '../program/program.ts';
import type { Finding } from './finding.ts';

/**
 * Lines of standard error that say why a program ends, and not what it did before: libvhost-user says `panic: ` of a
 * message that it refuses, and lives on.
 */
const causes = [
  /ERROR: (AddressSanitizer: [a-z-]+)/,
  /runtime error: (.*)/,
  // clang gives the whole signature.
  /(\w+)(?:\([^()]*\))?: Assertion [`'](.*)' failed/,
  /\*\*\* (.*) \*\*\*/,
  // QEMU's coroutines abort with these words alone.
  /(Co-routine re-entered recursively|Co-routine was already scheduled)/,
  /((?:PANIC in|panicked at|Assertion failure|assert(?:ion)? failed|corrupted|double free|terminate called).*)/,
] as const;

/**
 * A name for the cause of a finding, the same for each program that shows it: no addresses, lines, paths or numbers of
 * processes.
 * @param call behind which it was seen.
 */
export function bucketOf(finding: Finding, call: Call | undefined): string {
  switch (finding.kind) {
    case 'crash':
      return slug([
        'crash',
        finding.exit.signal ?? `exit-${finding.exit.code ?? 'unknown'}`,
        causeOf(finding.exit) ?? nameOf(call),
      ]);
    case 'hang':
      return slug(['hang', nameOf(call)]);
    case 'stray-write':
      return slug(['stray-write', nameOf(call)]);
    case 'report':
      return slug(['report', ...causeIn(finding.report)]);
    case 'invariant':
    case 'model':
      return slug([finding.kind, finding.requirement]);
    case 'leak':
      return slug(['leak', finding.held, nameOf(call)]);
  }
}

/** Whether nothing but the call with which a process ended tells its end from others. */
export const isNamedByCall = (exit: IutExit): boolean => causeOf(exit) === undefined;

/** Whether a bucket is of what a sanitizer said while the process went on. */
export const isReportBucket = (name: string): boolean => name.startsWith('report-');

export const isLeakBucket = (name: string): boolean => name.startsWith('leak-');

/** Whether a smaller program shows the same: a leak has another call at its end there. */
export const isSameCause = (left: Shown, right: Shown): boolean =>
  left.finding.kind === 'leak' && right.finding.kind === 'leak'
    ? left.finding.held === right.finding.held
    : left.bucket === right.bucket;

/** A finding with its bucket. */
export interface Shown {
  readonly bucket: string;
  readonly finding: Finding;
}

/** The error and where it was: two functions, which tell callers of one small function apart. */
const causeIn = ({ error, functions }: SanitizerReport): string[] => [error, ...functions.slice(0, 2)];

/** By this name AddressSanitizer knows SIGABRT: the program has said on standard error why it gave up. */
const gaveUp = 'ABRT';

/** What a sanitizer said of the end of the process; else what the process said last, if that says why; else where it was. */
function causeOf({ stderr = '', report, lastFunction }: IutExit): string | undefined {
  const reported = report === undefined || report.functions.length === 0 ? undefined : causeIn(report).join(' ');
  if (report?.error !== gaveUp && reported !== undefined) return reported;
  return causeInText(stderr) ?? reported ?? (lastFunction === undefined ? undefined : `behind ${lastFunction}`);
}

function causeInText(stderr: string): string | undefined {
  const lines = stderr.split('\n').reverse();
  for (const cause of causes) {
    for (const line of lines) {
      const found = cause.exec(line);
      if (found !== null) return found.slice(1).join(' ');
    }
  }
  return undefined;
}

function nameOf(call: Call | undefined): string {
  if (call === undefined) return 'end';
  return call.kind === 'message' ? nameOfRequest(call.request) : call.kind;
}

const longestSlug = 100;

function slug(words: readonly string[]): string {
  return words
    .join('-')
    .replace(/0x[0-9a-fA-F]+/g, 'N')
    .replace(/\d{2,}/g, 'N')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, longestSlug);
}
