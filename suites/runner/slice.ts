import type { IutExit } from '../../drivers/port/port.ts';
import type { Patience } from '../../judging/patience.ts';
import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import type { RunEvent } from '../../reports/record/record.ts';
import type { PlannedResult } from '../../reports/record/run-plan.ts';
import type { Trace } from '../../reports/trace/trace.ts';
import type { SecondIut } from './case-run.ts';
import type { ExpectationRules } from './expectations.ts';
import type { PlannedCase, RequirementFacts } from './plan.ts';

/** Where the results of a slice go. Each call returns when what it was given is on disk. */
export interface SliceOutput {
  append(record: RunEvent): void;
  /** The result that runs takes a further step, which has time of its own. */
  steps?(): void;
  /** The process died in the result whose record was appended last. */
  died?(death: SliceDeath): void;
  /** Path of the trace relative to the run's directory. */
  /** @param findings sequence numbers of the events at which checks failed. */
  writeTrace(trace: Trace, findings: readonly number[]): string;
}

/** A second IUT runs only while cases need it: some keep a processor busy. */
export interface SecondIutSource {
  /** Starts it, or says why it does not serve. */
  open(): SecondIut | { readonly why: string };
  close(): void;
}

export interface SliceResult {
  readonly planned: PlannedCase;
  readonly result: PlannedResult;
}

/** Results that are run one after another, and what happened meanwhile to other instances of the target. */
export interface SlicePart {
  readonly results: readonly SliceResult[];
  readonly deathsElsewhere: readonly SliceDeath[];
}

/** The death of an IUT. */
export interface SliceDeath {
  /** Of the result in which it died. */
  readonly key: string;
  /** The case whose other variants and repetitions are given up after three. Absent for a point of a sweep, which counts its own. */
  readonly caseId?: string | undefined;
  readonly exit: IutExit;
}

/** Where the results of a slice come from. */
export interface PartSource {
  /** The next part; undefined at the end. @param gaveUp whether the rest would be `not-run`. */
  next(gaveUp: boolean): SlicePart | undefined;
}

export interface SliceOptions {
  readonly seed: number;
  readonly point?: string;
  readonly offer: FeatureSet;
  /** Where the second IUT of cases that need two comes from. */
  readonly second?: SecondIutSource;
  readonly rules: ExpectationRules;
  /** Whether traces of passes are kept; those of what did not pass alone, unless told. */
  readonly keepsAllTraces?: boolean;
  readonly patience: Patience;
  requirementFacts(slug: string): RequirementFacts;
  /** The one command that runs a case again. */
  rerunCommand(planned: PlannedCase, point: string | undefined): string;
  referenceMeetsDeadline(): boolean;
}

/** How a slice ended: at its end, or because the target no longer serves and cannot be brought back. */
export type SliceEnd =
  /** `gaveUp`: why the last of the results are `not-run`. */
  | { readonly kind: 'completed'; readonly gaveUp?: string }
  /** No variant has the point that was asked for. */
  | { readonly kind: 'no-point'; readonly why: string }
  | { readonly kind: 'not-served'; readonly why: string };

/** A slice that is known beforehand. */
export function wholeSlice(results: readonly SliceResult[]): PartSource {
  let isTaken = false;
  return {
    next() {
      if (isTaken) return undefined;
      isTaken = true;
      return { results, deathsElsewhere: [] };
    },
  };
}
