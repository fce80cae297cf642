import { allCases } from '../suites/all-cases.ts';
import { recordedRun } from './recorded-run.ts';
import { type RunOptions, type RunRequest, runRequest } from './run-request.ts';
import type { RunCommand } from './target-argument.ts';
import { complain } from './terminal.ts';

/** A run as it was asked for. */
export interface RequestedRun {
  readonly request: RunRequest;
  /** Directory of the run that this one resumes. */
  readonly resumed: string | undefined;
}

/**
 * Writes to stderr what of it was understood otherwise than typed.
 * @param command `run`, or `guest` for a run in the guest. @throws UsageError, RecordError
 */
export function requestedRun(names: readonly string[], options: RunOptions, command: RunCommand): RequestedRun {
  const { resume } = options;
  const recorded = resume === undefined ? { names, options } : recordedRun(resume, names, options, command);
  const request = runRequest(recorded.names, recorded.options, allCases, command);
  for (const remark of request.remarks) complain(remark);
  return { request, resumed: resume };
}
