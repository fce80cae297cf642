import type { CaseRecord, Outcome, TargetRecord } from '../reports/record/record.ts';
import { type PlannedResult, resultId } from '../reports/record/run-plan.ts';
import type { AnyCase } from '../suites/case.ts';
import { snapshotOfCatalogue } from './catalogue-facts.ts';
import type { Loss } from './host-losses.ts';
import type { MakeProgress, Progress } from './progress.ts';
import type { RunRequest } from './run-request.ts';
import { type RunFacts, RunStore } from './run-store.ts';
import { complain } from './terminal.ts';

/** What a run has on disk, what it still owes, and what it says meanwhile. */
export class RunLedger {
  readonly problems: string[] = [];
  /** Why the rest of a target was recorded as not run. */
  readonly givenUp: string[] = [];
  readonly #root: string;
  readonly #facts: RunFacts;
  readonly #cases: readonly AnyCase[];
  readonly #request: RunRequest;
  readonly #makeProgress: MakeProgress;
  /** Ids of results that the run before left as errors of ours, or did not run. */
  #toRepeat = new Set<string>();
  #store: RunStore | undefined;
  #progress: Progress | undefined;

  constructor(
    request: RunRequest,
    cases: readonly AnyCase[],
    facts: RunFacts,
    root: string,
    makeProgress: MakeProgress,
  ) {
    this.#request = request;
    this.#cases = cases;
    this.#facts = facts;
    this.#root = root;
    this.#makeProgress = makeProgress;
  }

  /** Undefined until a target serves. */
  get store(): RunStore | undefined {
    return this.#store;
  }

  /** Resumes the run in the directory. @throws UsageError where it had another plan. */
  reopen(): void {
    this.#store = RunStore.reopen(this.#root, this.#facts, this.#cases);
    const unjudged = this.#store.results().filter(({ verdict }) => verdict === 'error' || verdict === 'not-run');
    this.#toRepeat = new Set(unjudged.map(resultId));
  }

  /** A target serves: the run's directory is there when this returns. */
  serves(record: TargetRecord): void {
    this.#store ??= RunStore.create(this.#root, this.#facts, snapshotOfCatalogue(this.#cases));
    this.#store.append(record);
    // One point is judged at once, if it is there at all.
    if (this.#request.options.point !== undefined) return;
    this.#progress ??= this.#makeProgress(this.#missingByTarget());
    this.#progress.target(record.target, this.missingOf(record.target).length, record.instance);
  }

  begins(key: string, instance: number | undefined): void {
    this.#progress?.begin(key, instance);
  }

  finished(result: PlannedResult, verdict: Outcome): void {
    this.#toRepeat.delete(resultId(result));
    this.#progress?.finished(result.target, verdict);
  }

  /** An instance of a target is at its end. */
  leaves(instance: number | undefined): void {
    this.#progress?.leave(instance);
  }

  /** Writes what the end of a host or a kernel means. Returns the results that are settled by it. */
  take({ settled, amended, said, problems }: Loss): readonly CaseRecord[] {
    for (const line of said) this.#progress?.say(line);
    for (const record of [...settled, ...amended]) this.#store?.append(record);
    for (const record of settled) this.finished(record, record.verdict);
    for (const problem of problems) this.problem(problem);
    return settled;
  }

  /** What is not on disk yet, of one target or of all. */
  missingOf(target: string | undefined): PlannedResult[] {
    const done = new Set((this.#store?.results() ?? []).map(resultId));
    const isMissing = (id: string): boolean => !done.has(id) || this.#toRepeat.has(id);
    return this.owedOf(target).filter((result) => isMissing(resultId(result)));
  }

  #missingByTarget(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { target } of this.missingOf(undefined)) counts.set(target, (counts.get(target) ?? 0) + 1);
    return counts;
  }

  owedOf(target: string | undefined): PlannedResult[] {
    return this.#facts.owed.filter((result) => target === undefined || result.target === target);
  }

  hasJudged(): boolean {
    return (this.#store?.results() ?? []).some(({ verdict }) => verdict !== 'not-applicable');
  }

  say(line: string): void {
    if (this.#progress === undefined) complain(line);
    else this.#progress.say(line);
  }

  problem(text: string): void {
    this.problems.push(text);
    this.#progress?.say(text);
  }

  gaveUp(text: string): void {
    this.givenUp.push(text);
    this.#progress?.say(text);
  }

  stopProgress(): void {
    this.#progress?.stop();
  }
}
