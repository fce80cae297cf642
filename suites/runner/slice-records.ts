import type { DriverPort } from '../../drivers/port/port.ts';
import { allSources, countingVersions } from '../../reference-impl/catalogue/catalogue.ts';
import type { CaseRecord } from '../../reports/record/record.ts';
import type { PlannedResult } from '../../reports/record/run-plan.ts';
import { accordanceOf } from './expectations.ts';
import { findingAuthority } from './finding-authority.ts';
import type { Judgement } from './judge.ts';
import type { PlannedCase } from './plan.ts';
import type { SliceOptions, SliceOutput } from './slice.ts';

/** Makes the records of results, and writes the traces that they name. */
export class SliceRecords {
  readonly #port: DriverPort;
  readonly #output: SliceOutput;
  readonly #options: SliceOptions;

  constructor(port: DriverPort, output: SliceOutput, options: SliceOptions) {
    this.#port = port;
    this.#output = output;
    this.#options = options;
  }

  recordOf(planned: PlannedCase, result: PlannedResult, judgement: Judgement): CaseRecord {
    const { definition, variant, axes } = planned;
    const { key, target, repetition } = result;
    const { verdict, accepted, outcomes, points, durationMs, error } = judgement;
    const findings = judgement.findings.map(({ besideText, reported, ...found }) => {
      const facts = this.#options.requirementFacts(found.requirement);
      const seen = { how: found.how, isBesideText: besideText === true, isReported: reported === true };
      return { ...found, ...findingAuthority(facts, seen, this.#texts) };
    });
    const failedPoints = points?.failed ?? [];
    const record: CaseRecord = {
      event: 'case',
      key,
      target,
      repetition,
      caseId: definition.id,
      title: definition.title,
      variant,
      ...(Object.keys(axes).length === 0 ? {} : { axes }),
      verdict,
      ...(accepted === undefined ? {} : { accepted: [...accepted] }),
      outcomes,
      ...(points === undefined ? {} : { points }),
      findings,
      durationMs: Math.round(durationMs * 1000) / 1000,
      seed: this.#options.seed,
      rerun: this.#options.rerunCommand(planned, failedPoints.length === 1 ? failedPoints[0] : this.#options.point),
      ...(error === undefined ? {} : { error }),
    };
    const trace = this.#trace(result, record);
    const accordance = accordanceOf(record, this.#options.rules);
    const expectation = accordance.kind === 'as-expected' ? accordance.expectation : undefined;
    return {
      ...record,
      ...(trace === undefined ? {} : { trace }),
      ...(expectation === undefined ? {} : { expected: expectedOf(expectation) }),
    };
  }

  /** The versions of texts that count for this target. */
  get #texts(): readonly string[] {
    return countingVersions(this.#options.rules.texts, this.#port.facts.texts ?? [], allSources());
  }

  #trace({ key, target, repetition }: PlannedResult, { verdict, findings }: CaseRecord): string | undefined {
    const hasFailed = verdict === 'fail' || verdict === 'inconclusive' || verdict === 'error';
    if (!hasFailed && !(verdict === 'pass' && this.#options.keepsAllTraces === true)) return undefined;
    const { log } = this.#port;
    const failing = findings.flatMap(({ traceEvent }) => traceEvent ?? []);
    return this.#output.writeTrace({ target, key, repetition, dropped: log.dropped, events: log.events() }, failing);
  }
}

function expectedOf({
  reason,
  link,
}: {
  reason: string;
  link?: string | undefined;
}): NonNullable<CaseRecord['expected']> {
  return link === undefined ? { reason } : { reason, link };
}
