import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CaseRecord } from '../reports/record/record.ts';
import { type PlannedResult, resultId } from '../reports/record/run-plan.ts';
import type { AnyCase } from '../suites/case.ts';
import { type ExpectationRules, readExpectations } from '../suites/runner/expectations.ts';
import { plannedResults, shardOf } from '../suites/runner/plan.ts';
import { type HostEnd, HostSupervisor } from './host-supervisor.ts';
import { Interruption } from './interruption.ts';
import { type Progress, progressOn } from './progress.ts';
import { writeReports } from './reporters.ts';
import { rerunLine } from './rerun-line.ts';
import { wordsOfRun } from './run-options.ts';
import { checkOut, type RunRequest } from './run-request.ts';
import { type RunFacts, RunStore } from './run-store.ts';
import { summaryOf } from './run-summary.ts';
import { ScratchDirectory } from './scratch-directory.ts';
import type { TargetArgument } from './target-argument.ts';
import { UsageError } from './usage-error.ts';

/** Results that a dead host leaves behind before its target is given up. */
const deathsWithoutResult = 3;
const budgets = { startMs: 60_000, resultMs: 60_000 };
const strictTargets = ['reference', 'reference-net'];
const referenceList = new URL('../../fixtures/expectations/reference-not-applicable.json', import.meta.url);

/** Runs a plan and answers the exit code: 0 all as expected, 1 findings, 2 our own failure, 128 + n by a signal. */
export async function runPlan(
  request: RunRequest,
  all: readonly AnyCase[],
  resumed: string | undefined,
): Promise<number> {
  const { options } = request;
  const names = request.targets.map(({ target }) => target.facts.name);
  const plan = plannedResults(request.cases, names, options.repeat);
  const shard = options.shard ?? { index: 1, of: 1 };
  const owed = shardOf(plan, shard);
  if (owed.length === 0) throw new UsageError(`shard ${shard.index}/${shard.of}: no result is left for it`);
  const words = wordsOfRun(
    request.targets.flatMap((argument) => argument.words),
    absolute(options),
  );
  const facts: RunFacts = { seed: options.seed, shard, plan, owed, command: ['vhost-conformance', 'run', ...words] };
  const root = resumed === undefined ? checkOut(options.out ?? defaultOut()) : resolve(resumed);
  const scratch = new ScratchDirectory();
  const run = new Run(request, all, facts, root, scratch);
  try {
    if (resumed !== undefined) run.reopen();
    return await run.toItsEnd();
  } finally {
    scratch.remove();
  }
}

class Run {
  readonly #request: RunRequest;
  readonly #all: readonly AnyCase[];
  readonly #facts: RunFacts;
  readonly #root: string;
  readonly #scratch: ScratchDirectory;
  readonly #rules: ExpectationRules;
  readonly #interruption = new Interruption(() => this.#host?.stop());
  readonly #problems: string[] = [];
  /** Ids of results that a resumed run had to leave as errors of ours. */
  #toRepeat = new Set<string>();
  #store: RunStore | undefined;
  #host: HostSupervisor | undefined;
  #progress: Progress | undefined;

  constructor(request: RunRequest, all: readonly AnyCase[], facts: RunFacts, root: string, scratch: ScratchDirectory) {
    this.#request = request;
    this.#all = all;
    this.#facts = facts;
    this.#root = root;
    this.#scratch = scratch;
    this.#rules = rulesOf(request);
  }

  reopen(): void {
    this.#store = RunStore.reopen(this.#root, this.#facts);
    const errors = this.#store.results().filter(({ verdict }) => verdict === 'error');
    this.#toRepeat = new Set(errors.map(resultId));
  }

  async toItsEnd(): Promise<number> {
    try {
      for (const argument of this.#request.targets) {
        if (!this.#interruption.happened) await this.#judgeTarget(argument);
      }
    } finally {
      this.#progress?.stop();
    }
    const store = this.#store;
    if (store === undefined) return this.#interruption.exitCode;
    const missing = this.#missingOf(undefined).length;
    store.end(this.#interruption.happened ? 'interrupted' : missing > 0 ? 'aborted' : 'completed');
    store.close();
    const paths = writeReports([this.#root], this.#root, this.#request.options.reporter);
    const summary = summaryOf(store.results(), this.#rules, {
      problems: this.#problems,
      missing,
      paths,
      root: this.#root,
    });
    process.stdout.write(summary.text);
    this.#interruption.stopListening();
    return this.#interruption.happened ? this.#interruption.exitCode : summary.exitCode;
  }

  async #judgeTarget(argument: TargetArgument): Promise<void> {
    const { name } = argument.target.facts;
    let deaths = 0;
    let before = this.#missingOf(name).length;
    while (before > 0 && !this.#interruption.happened) {
      const end = await this.#runHost(argument);
      if (!this.#isToGoOn(name, end)) return;
      const left = this.#missingOf(name).length;
      deaths = left < before ? 0 : deaths + 1;
      before = left;
      if (deaths < deathsWithoutResult) continue;
      this.#problems.push(`${name}: ${deaths} host processes in a row died before a result`);
      return;
    }
  }

  /** What the end of a host means for the rest of its target. */
  #isToGoOn(name: string, end: HostEnd): boolean {
    switch (end.kind) {
      case 'completed':
        if (end.gaveUp !== undefined) this.#problem(`${name}: ${end.gaveUp}`);
        return false;
      case 'stopped':
        return false;
      case 'unusable':
        if (this.#store === undefined) throw new UsageError(`${name}: ${end.why}`);
        this.#problem(`${name}: ${end.why}`);
        return false;
      case 'not-served':
        this.#problem(`${name}: ${end.why}; "run --resume ${this.#root}" goes on with what is missing`);
        return false;
      case 'no-point':
        if (!this.#hasJudged()) this.#store?.discard();
        throw new UsageError(end.why);
      case 'unwritable':
        throw new UsageError(end.why);
      case 'died':
        if (this.#store === undefined) throw new UsageError(`${name}: ${end.why}`);
        this.#blame(this.#store, name, end.why);
        return true;
    }
  }

  #hasJudged(): boolean {
    return (this.#store?.results() ?? []).some(({ verdict }) => verdict !== 'not-applicable');
  }

  /** The case that ran when a host died has a result all the same: an error of ours. */
  #blame(store: RunStore, target: string, why: string): void {
    const running = store.begunWithoutResult(target);
    this.#progress?.say(
      `${target}: ${why.split('\n')[0]}${running === undefined ? '' : ` (while ${running.key} ran)`}`,
    );
    const planned = this.#request.cases.find(({ key }) => key === running?.key);
    if (running === undefined || planned === undefined) return;
    const { definition, variant, key } = planned;
    const outcomes = Object.keys(definition.proves).map((requirement) => ({
      requirement,
      outcome: 'error' as const,
      checks: 0,
    }));
    const argument = this.#request.targets.find((one) => one.target.facts.name === target);
    const record: CaseRecord = {
      event: 'case',
      key,
      target,
      repetition: running.repetition,
      caseId: definition.id,
      title: definition.title,
      variant,
      verdict: 'error',
      outcomes,
      findings: [],
      durationMs: 0,
      seed: this.#facts.seed,
      rerun: rerunLine(argument?.words ?? [], key, this.#facts.seed),
      error: why,
    };
    store.append(record);
    this.#toRepeat.delete(resultId(record));
    this.#progress?.finished('error');
  }

  async #runHost(argument: TargetArgument): Promise<HostEnd> {
    const { options } = this.#request;
    const { name } = argument.target.facts;
    const host = new HostSupervisor(
      {
        target: argument.target,
        slice: this.#missingOf(name),
        root: this.#root,
        scratch: this.#scratch.path,
        seed: options.seed,
        ...(options.point === undefined ? {} : { point: options.point }),
        rules: this.#rules,
        rerun: argument.words,
        parentPid: process.pid,
      },
      {
        ready: (target) => {
          this.#store ??= RunStore.create(this.#root, this.#facts, this.#all);
          this.#store.append(target);
          this.#announce(name);
        },
        message: (message) => {
          if (message.kind === 'begin') this.#progress?.begin(message.key);
          if (message.kind !== 'case') return;
          const { key, repetition, verdict } = message;
          this.#toRepeat.delete(resultId({ target: name, key, repetition }));
          this.#progress?.finished(verdict);
        },
      },
      budgets,
    );
    this.#host = host;
    if (this.#interruption.happened) host.stop();
    try {
      return await host.ended;
    } finally {
      this.#host = undefined;
    }
  }

  /** What is not on disk yet, of one target or of all. */
  #missingOf(target: string | undefined): PlannedResult[] {
    const done = new Set((this.#store?.results() ?? []).map(resultId));
    const isMissing = (id: string): boolean => !done.has(id) || this.#toRepeat.has(id);
    return this.#facts.owed.filter(
      (result) => (target === undefined || result.target === target) && isMissing(resultId(result)),
    );
  }

  #announce(name: string): void {
    // One point is judged at once, if it is there at all.
    if (this.#request.options.point !== undefined) return;
    this.#progress ??= progressOn(process.stderr, this.#missingOf(undefined).length);
    this.#progress.target(name, this.#missingOf(name).length);
  }

  #problem(text: string): void {
    this.#problems.push(text);
    this.#progress?.say(text);
  }
}

function rulesOf(request: RunRequest): ExpectationRules {
  const names = request.targets.map(({ target }) => target.facts.name);
  const strict = strictTargets.filter((name) => names.includes(name));
  const ofReference = strict.length === 0 ? [] : readExpectations(fileURLToPath(referenceList));
  return {
    expectations: [...request.expectations, ...ofReference],
    today: new Date().toISOString().slice(0, 10),
    strictTargets: strict,
  };
}

/** `vhost-conformance-out/2026-11-22T14-30-05` below the current directory. */
function defaultOut(): string {
  return join('vhost-conformance-out', new Date().toISOString().slice(0, 19).replaceAll(':', '-'));
}

function absolute(options: RunRequest['options']): RunRequest['options'] {
  return options.expect === undefined ? options : { ...options, expect: resolve(options.expect) };
}
