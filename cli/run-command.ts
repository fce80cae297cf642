import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PlannedResult, resultId } from '../reports/record/run-plan.ts';
import type { AnyCase } from '../suites/case.ts';
import { type ExpectationRules, readExpectations } from '../suites/runner/expectations.ts';
import { plannedResults, shardOf } from '../suites/runner/plan.ts';
import type { Host, HostEnd, HostPlace } from './host-conversation.ts';
import { HostLosses, type Loss } from './host-losses.ts';
import { Interruption } from './interruption.ts';
import { type Progress, progressOn } from './progress.ts';
import { writeReports } from './reporters.ts';
import { wordsOfRun } from './run-options.ts';
import { checkOut, type RunRequest } from './run-request.ts';
import { type RunFacts, RunStore } from './run-store.ts';
import { summaryOf } from './run-summary.ts';
import { ScratchDirectory } from './scratch-directory.ts';
import { shellLine } from './shell-words.ts';
import type { TargetArgument } from './target-argument.ts';
import { UsageError } from './usage-error.ts';

/** Results that a dead host leaves behind before its target is given up. */
const deathsWithoutResult = 3;
const strictTargets = ['reference', 'reference-net'];
const referenceList = new URL('../../fixtures/expectations/reference-not-applicable.json', import.meta.url);

/** Runs a plan and answers the exit code: 0 all as expected, 1 findings, 2 our own failure, 128 + n by a signal. */
export async function runPlan(
  request: RunRequest,
  all: readonly AnyCase[],
  resumed: string | undefined,
  place: HostPlace,
  root: string,
): Promise<number> {
  const { options } = request;
  const subjects = request.targets.map(({ target }) => target.facts);
  const plan = plannedResults(request.cases, subjects, options.repeat);
  const shard = options.shard ?? { index: 1, of: 1 };
  const owed = shardOf(plan, shard);
  if (owed.length === 0) throw new UsageError(`shard ${shard.index}/${shard.of}: no result is left for it`);
  const words = wordsOfRun(
    request.targets.flatMap((argument) => argument.words),
    absolute(options),
  );
  const facts: RunFacts = {
    seed: options.seed,
    shard,
    plan,
    owed,
    command: ['vhost-conformance', ...place.runWords, ...words],
  };
  const scratch = new ScratchDirectory();
  const run = new Run(request, all, facts, place, root, scratch);
  try {
    if (resumed !== undefined) run.reopen();
    return await run.toItsEnd();
  } finally {
    await place.close();
    scratch.remove();
  }
}

class Run {
  readonly #request: RunRequest;
  readonly #all: readonly AnyCase[];
  readonly #facts: RunFacts;
  readonly #place: HostPlace;
  readonly #root: string;
  readonly #scratch: ScratchDirectory;
  readonly #rules: ExpectationRules;
  readonly #interruption = new Interruption(() => this.#host?.stop());
  readonly #problems: string[] = [];
  /** Ids of results that a resumed run had to leave as errors of ours. */
  #toRepeat = new Set<string>();
  #store: RunStore | undefined;
  readonly #losses: HostLosses;
  #host: Host | undefined;
  #progress: Progress | undefined;

  constructor(
    request: RunRequest,
    all: readonly AnyCase[],
    facts: RunFacts,
    place: HostPlace,
    root: string,
    scratch: ScratchDirectory,
  ) {
    this.#request = request;
    this.#all = all;
    this.#facts = facts;
    this.#place = place;
    this.#root = root;
    this.#scratch = scratch;
    this.#rules = rulesOf(request);
    this.#losses = new HostLosses(request, this.#rules, place.runWords);
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
      const distrust = await this.#place.close();
      if (distrust !== undefined && !this.#interruption.happened) this.#problem(distrust);
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
      resume: `vhost-conformance ${this.#resumeWords}`,
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
      if (this.#store !== undefined) this.#take(this.#store, this.#losses.givenUp(name, this.#missingOf(name)));
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
        if (this.#tookSuspect()) return true;
        if (end.gaveUp !== undefined) this.#problem(`${name}: ${end.gaveUp}`);
        return false;
      case 'stopped':
        return false;
      case 'unusable':
        if (this.#store === undefined) throw new UsageError(`${name}: ${end.why}`);
        this.#problem(`${name}: ${end.why}`);
        return false;
      case 'not-served':
        this.#problem(`${name}: ${end.why}; "${this.#resumeWords}" goes on with what is missing`);
        return false;
      case 'no-point':
        if (!this.#hasJudged()) this.#store?.discard();
        throw new UsageError(end.why);
      case 'unwritable':
        throw new UsageError(end.why);
      case 'died':
        if (this.#store === undefined) throw new UsageError(`${name}: ${end.why}`);
        this.#take(this.#store, this.#losses.ofHost(this.#store, name, end.why));
        return true;
      case 'kernel-died':
        if (this.#store === undefined) {
          this.#say(end.death.log);
          throw new UsageError(`${name}: the kernel died before it served: ${end.death.signature}`);
        }
        this.#take(this.#store, this.#losses.ofKernel(this.#store, name, end.death));
        return true;
    }
  }

  get #resumeWords(): string {
    return shellLine([...this.#place.runWords, '--resume', this.#root]);
  }

  #hasJudged(): boolean {
    return (this.#store?.results() ?? []).some(({ verdict }) => verdict !== 'not-applicable');
  }

  /** What ran alone, because the kernel had died under it, came to its end. */
  #tookSuspect(): boolean {
    const loss = this.#losses.ofSuspect(this.#store);
    if (loss !== undefined && this.#store !== undefined) this.#take(this.#store, loss);
    return loss !== undefined;
  }

  #take(store: RunStore, { settled, amended, said, problems }: Loss): void {
    for (const line of said) this.#progress?.say(line);
    for (const record of [...settled, ...amended]) store.append(record);
    for (const record of settled) {
      this.#toRepeat.delete(resultId(record));
      this.#progress?.finished(record.verdict);
    }
    for (const problem of problems) this.#problem(problem);
  }

  async #runHost(argument: TargetArgument): Promise<HostEnd> {
    const { options } = this.#request;
    const { name } = argument.target.facts;
    const pair = this.#request.pairs.get(name);
    const suspect = this.#losses.kernelDeaths.suspect?.result;
    const host = this.#place.startHost(
      {
        target: argument.target,
        work: {
          kind: 'cases',
          slice: suspect === undefined ? this.#missingOf(name) : [suspect],
          ...(pair === undefined ? {} : { pair: pair.target }),
          seed: options.seed,
          ...(options.point === undefined ? {} : { point: options.point }),
          rules: this.#rules,
          rerun: this.#losses.rerunWords(name),
        },
        root: this.#root,
        scratch: this.#scratch.path,
        parentPid: process.pid,
      },
      {
        ready: (target) => {
          this.#store ??= RunStore.create(this.#root, this.#facts, this.#all);
          this.#store.append(target);
          this.#announce(name);
        },
        message: (message) => {
          if (message.kind === 'begin') {
            this.#losses.kernelDeaths.began(message.key);
            this.#progress?.begin(message.key);
          }
          if (message.kind !== 'case') return;
          const { key, repetition, verdict } = message;
          this.#toRepeat.delete(resultId({ target: name, key, repetition }));
          this.#progress?.finished(verdict);
        },
        booted: () => this.#losses.kernelDeaths.booted(),
        note: (line) => this.#say(line),
      },
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

  #say(line: string): void {
    if (this.#progress === undefined) process.stderr.write(`${line}\n`);
    else this.#progress.say(line);
  }

  #problem(text: string): void {
    this.#problems.push(text);
    this.#progress?.say(text);
  }
}

/** Where a run writes. @throws UsageError where it cannot. */
export function rootOfRun({ options }: RunRequest, resumed: string | undefined): string {
  return resumed === undefined ? checkOut(options.out ?? defaultOut()) : resolve(resumed);
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
