import type { RunFacts } from '../reports/merge-runs.ts';
import type { CertificatePredicate } from './statement.ts';

const dayMs = 86_400_000;

/** What is wrong with the day of issue: a certificate is that of a run that has just ended, and bears no later day. */
export function dateProblems(
  { issuedAt }: CertificatePredicate,
  { startedAt, durationMs }: RunFacts,
  today: string,
): string[] {
  const issued = Date.parse(issuedAt);
  const ended = Date.parse(startedAt) + durationMs;
  return [
    ...(issuedAt.slice(0, 10) <= today ? [] : [`is dated ${issuedAt.slice(0, 10)}, and today is ${today}`]),
    ...(issued < Date.parse(startedAt) ? [`was issued at ${issuedAt}, and its run began at ${startedAt}`] : []),
    ...(issued <= ended + dayMs ? [] : [`was issued at ${issuedAt}, more than a day behind the end of its run`]),
  ];
}
