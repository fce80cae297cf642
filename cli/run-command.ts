import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { filesOfCases } from '../suites/all-cases.ts';
import type { AnyCase } from '../suites/case.ts';
import type { ExpectationRules } from '../suites/runner/expectations.ts';
import { plannedResults, shardOf } from '../suites/runner/plan.ts';
import { defaultOut } from './default-out.ts';
import type { HostPlace } from './host-conversation.ts';
import { HostLosses } from './host-losses.ts';
import { instancesOf } from './instances.ts';
import { Interruption } from './interruption.ts';
import { ProgramHashes } from './program-hashes.ts';
import { progressOn } from './progress-display.ts';
import { outsideWords } from './recorded-run.ts';
import { reportWriter } from './reporters.ts';
import { RunLedger } from './run-ledger.ts';
import { wordsOfRun } from './run-options.ts';
import { checkOut, type RunRequest } from './run-request.ts';
import type { RunFacts } from './run-store.ts';
import { summaryOf } from './run-summary.ts';
import { ScratchDirectory } from './scratch-directory.ts';
import { shellLine } from './shell-words.ts';
import type { TargetArgument } from './target-argument.ts';
import { TargetRun } from './target-run.ts';
import { print } from './terminal.ts';
import { updateExpectations } from './update-expectations.ts';
import { UsageError } from './usage-error.ts';

const strictTargets = ['reference', 'reference-net'];

/** Runs a plan and returns the exit code: 0 all as expected, 1 findings, 2 our own failure, 128 + n by a signal. */
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
    texts: request.texts,
    command: ['vhost-conformance', ...place.runWords, ...words],
  };
  const scratch = new ScratchDirectory();
  try {
    const ledger = new RunLedger(request, all, facts, root, await progressOn(process.stderr));
    const run = new Run(request, ledger, place, root, scratch);
    if (resumed !== undefined) run.reopen();
    return await run.toItsEnd();
  } finally {
    await place.close();
    scratch.remove();
  }
}

class Run {
  readonly #request: RunRequest;
  readonly #place: HostPlace;
  readonly #root: string;
  readonly #scratch: ScratchDirectory;
  readonly #rules: ExpectationRules;
  readonly #interruption = new Interruption(() => this.#present?.stop());
  readonly #losses: HostLosses;
  readonly #programs = new ProgramHashes();
  readonly #ledger: RunLedger;
  readonly #caseIds: ReadonlyMap<string, string>;
  #present: TargetRun | undefined;

  constructor(request: RunRequest, ledger: RunLedger, place: HostPlace, root: string, scratch: ScratchDirectory) {
    this.#request = request;
    this.#place = place;
    this.#root = root;
    this.#scratch = scratch;
    this.#rules = rulesOf(request);
    this.#losses = new HostLosses(request, this.#rules, place.runWords);
    this.#ledger = ledger;
    this.#caseIds = new Map(request.cases.map(({ key, definition }) => [key, definition.id]));
  }

  reopen(): void {
    this.#ledger.reopen();
  }

  async toItsEnd(): Promise<number> {
    const ledger = this.#ledger;
    try {
      for (const argument of this.#request.targets) {
        if (!this.#interruption.happened) await this.#judgeTarget(argument);
      }
      const distrust = await this.#place.close();
      if (distrust !== undefined && !this.#interruption.happened) ledger.problem(distrust);
    } finally {
      ledger.stopProgress();
    }
    const { store, problems, givenUp } = ledger;
    if (store === undefined) return this.#interruption.exitCode;
    const missing = ledger.missingOf(undefined).length;
    store.end(this.#interruption.happened ? 'interrupted' : missing > 0 ? 'aborted' : 'completed');
    store.close();
    const paths = (await reportWriter(this.#request.options.reporter))([this.#root], this.#root);
    const resume = `vhost-conformance ${this.#resumeWords}`;
    const summary = summaryOf(store.results(), this.#rules, { problems, givenUp, missing, paths, resume });
    print(summary.text);
    const { expect, updateExpectations: isUpdating } = this.#request.options;
    const [written] = expect;
    if (isUpdating && written !== undefined && !this.#interruption.happened) {
      print(`\n${updateExpectations(written, store.results(), this.#rules)}`);
    }
    this.#interruption.stopListening();
    return this.#interruption.happened ? this.#interruption.exitCode : summary.exitCode;
  }

  async #judgeTarget(argument: TargetArgument): Promise<void> {
    const { options } = this.#request;
    const pair = this.#request.pairs.get(argument.target.facts.name);
    const { count, note } = instancesOf(argument.target, options, availableParallelism());
    if (note !== undefined) this.#ledger.say(note);
    this.#present = new TargetRun({
      argument,
      instances: count,
      place: this.#place,
      ledger: this.#ledger,
      losses: this.#losses,
      programs: this.#programs,
      job: { root: this.#root, scratch: this.#scratch.path, parentPid: process.pid },
      work: {
        kind: 'cases',
        files: filesOfCases(this.#caseIds.values()),
        ...(pair === undefined ? {} : { pair: pair.target }),
        seed: options.seed,
        ...(options.point === undefined ? {} : { point: options.point }),
        rules: this.#rules,
        keepsAllTraces: options.traces === 'all',
        rerun: this.#losses.rerunWords(argument.target.facts.name),
      },
      resumeWords: this.#resumeWords,
      caseIdOf: (key) => this.#caseIds.get(key) ?? key,
      isInterrupted: () => this.#interruption.happened,
    });
    await this.#present.toItsEnd();
  }

  get #resumeWords(): string {
    const { targets, options } = this.#request;
    const names = targets.flatMap(({ words }) => words);
    return shellLine([...this.#place.runWords, '--resume', this.#root, ...outsideWords(names, absolute(options))]);
  }
}

/** Where a run writes. @throws UsageError where it cannot. */
export function rootOfRun({ options }: RunRequest, resumed: string | undefined): string {
  return resumed === undefined ? checkOut(options.out ?? defaultOut()) : resolve(resumed);
}

function rulesOf(request: RunRequest): ExpectationRules {
  const names = request.targets.map(({ target }) => target.facts.name);
  const strict = strictTargets.filter((name) => names.includes(name));
  return {
    expectations: request.expectations,
    today: new Date().toISOString().slice(0, 10),
    strictTargets: strict,
    texts: request.texts,
  };
}

function absolute(options: RunRequest['options']): RunRequest['options'] {
  return { ...options, expect: options.expect.map((file) => resolve(file)) };
}
