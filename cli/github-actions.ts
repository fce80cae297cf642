import { appendFileSync } from 'node:fs';
import type { MergedRun } from '../reports/merge-runs.ts';
import { RecordError } from '../reports/record/record-error.ts';
import { reasonOf } from '../reports/record/record-writer.ts';
import { githubReport, githubSummary } from '../reports/reporters/github.ts';
import { print } from './terminal.ts';

/** The annotations of a run; where a job of GitHub Actions runs this, it is told of them and gets a summary. */
export function githubActionsReport(run: MergedRun): string {
  const annotations = githubReport(run);
  if (process.env['GITHUB_ACTIONS'] === 'true' && annotations !== '') print(annotations.trimEnd());
  const path = process.env['GITHUB_STEP_SUMMARY'];
  if (path !== undefined && path !== '') appendSummary(path, run);
  return annotations;
}

/** @throws RecordError */
function appendSummary(path: string, run: MergedRun): void {
  try {
    appendFileSync(path, githubSummary(run));
  } catch (cause) {
    throw new RecordError(path, `cannot be written (${reasonOf(cause)})`, { cause });
  }
}
