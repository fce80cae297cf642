import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CaseRecord } from '../reports/record/record.ts';
import { type PlannedResult, resultId } from '../reports/record/run-plan.ts';
import type { AnyCase } from '../suites/case.ts';
import { type ExpectationRules, readExpectations } from '../suites/runner/expectations.ts';
import { plannedResults, shardOf } from '../suites/runner/plan.ts';
import type { Host, HostEnd, HostPlace, KernelDeath } from './host-conversation.ts';
import { Interruption } from './interruption.ts';
import { KernelDeaths } from './kernel-deaths.ts';
import { errorRecord, kernelDeathRecord, notRepeatedRecord, notRunRecord, type RecordFacts } from './parent-record.ts';
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
  const names = request.targets.map(({ target }) => target.facts.name);
  const plan = plannedResults(request.cases, names, options.repeat);
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
  readonly #kernelDeaths = new KernelDeaths();
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
      this.#giveUpWhatEndsKernels(name);
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
        if (this.#settleSuspect()) return true;
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
      case 'kernel-died':
        if (this.#store === undefined) {
          this.#say(end.death.log);
          throw new UsageError(`${name}: the kernel died before it served: ${end.death.signature}`);
        }
        this.#blameForKernel(this.#store, name, end.death);
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
    const facts = running === undefined ? undefined : this.#recordFacts(running);
    if (facts !== undefined) this.#settle(store, errorRecord(facts, why));
    this.#kernelDeaths.clear();
  }

  /** A death of the kernel is the case's that repeats it alone on a fresh boot. */
  #blameForKernel(store: RunStore, target: string, death: KernelDeath): void {
    const running = store.begunWithoutResult(target);
    const facts = running === undefined ? undefined : this.#recordFacts(running);
    if (running === undefined || facts === undefined) {
      const before = this.#kernelDeaths.lastCases.join(', ');
      this.#problem(`${target}: the kernel died between cases: ${death.signature}; before that ran: ${before}`);
    } else if (this.#kernelDeaths.isProven(running, facts.planned.definition.id, death)) {
      this.#progress?.say(`${target}: ${running.key} ended the kernel: ${death.signature}`);
      this.#settle(store, kernelDeathRecord(facts, death));
    } else {
      this.#progress?.say(`${target}: the kernel died while ${running.key} ran, which runs again alone`);
    }
  }

  /** What ran alone did not end the kernel: its death is said of the run. */
  #settleSuspect(): boolean {
    const suspect = this.#kernelDeaths.clear();
    if (suspect === undefined) return false;
    const id = resultId(suspect.result);
    const record = this.#store?.results().find((one) => resultId(one) === id);
    if (record !== undefined) this.#store?.append(notRepeatedRecord(record, suspect.death, suspect.before));
    return true;
  }

  #giveUpWhatEndsKernels(target: string): void {
    const store = this.#store;
    if (store === undefined) return;
    let isAnyLeft = false;
    for (const result of this.#missingOf(target)) {
      const facts = this.#recordFacts(result);
      const why = facts && this.#kernelDeaths.whyGivenUp(target, facts.planned.definition.id);
      if (facts === undefined || why === undefined) continue;
      this.#settle(store, notRunRecord(facts, why));
      isAnyLeft = true;
    }
    const wholly = this.#kernelDeaths.whyTargetGivenUp(target);
    if (wholly !== undefined && isAnyLeft) this.#problem(`${target}: ${wholly}`);
  }

  #recordFacts(result: PlannedResult): RecordFacts | undefined {
    const planned = this.#request.cases.find(({ key }) => key === result.key);
    if (planned === undefined) return undefined;
    const rerun = rerunLine(this.#rerunWords(result.target), result.key, this.#facts.seed);
    return { planned, result, seed: this.#facts.seed, rerun, rules: this.#rules };
  }

  #rerunWords(target: string): string[] {
    const argument = this.#request.targets.find((one) => one.target.facts.name === target);
    return [...this.#place.runWords, ...(argument?.words ?? [])];
  }

  #settle(store: RunStore, record: CaseRecord): void {
    store.append(record);
    this.#toRepeat.delete(resultId(record));
    this.#progress?.finished(record.verdict);
  }

  async #runHost(argument: TargetArgument): Promise<HostEnd> {
    const { options } = this.#request;
    const { name } = argument.target.facts;
    const suspect = this.#kernelDeaths.suspect?.result;
    const host = this.#place.startHost(
      {
        target: argument.target,
        slice: suspect === undefined ? this.#missingOf(name) : [suspect],
        root: this.#root,
        scratch: this.#scratch.path,
        seed: options.seed,
        ...(options.point === undefined ? {} : { point: options.point }),
        rules: this.#rules,
        rerun: this.#rerunWords(name),
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
            this.#kernelDeaths.began(message.key);
            this.#progress?.begin(message.key);
          }
          if (message.kind !== 'case') return;
          const { key, repetition, verdict } = message;
          this.#toRepeat.delete(resultId({ target: name, key, repetition }));
          this.#progress?.finished(verdict);
        },
        booted: () => this.#kernelDeaths.booted(),
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
