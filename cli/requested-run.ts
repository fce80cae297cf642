import { allCases } from '../suites/all-cases.ts';
import { recordedRun } from './recorded-run.ts';
import { type RunOptions, type RunRequest, runRequest } from './run-request.ts';
import type { RunCommand } from './target-argument.ts';

/** A run as it was asked for. */
export interface RequestedRun {
  readonly request: RunRequest;
  /** Directory of the run that this one goes on with. */
  readonly resumed: string | undefined;
}

/** @param command `run`, or `guest` for a run in the guest. @throws UsageError, RecordError */
export function requestedRun(names: readonly string[], options: RunOptions, command: RunCommand): RequestedRun {
  if (options.resume === undefined)
    return { request: runRequest(names, options, allCases, command), resumed: undefined };
  const recorded = recordedRun(options.resume, names, command);
  return { request: runRequest(recorded.names, recorded.options, allCases, command), resumed: options.resume };
}
