import type { CaseRecord } from '../reports/record/record.ts';
import { type PlannedResult, resultId } from '../reports/record/run-plan.ts';
import { type Expectation, type ExpectationRules, kernelEndOf } from '../suites/runner/expectations.ts';
import type { PlannedCase } from '../suites/runner/plan.ts';
import type { KernelDeath } from './host-conversation.ts';
import { KernelDeaths } from './kernel-deaths.ts';
import {
  diedBehindRecord,
  errorRecord,
  kernelDeathRecord,
  notRepeatedRecord,
  notRunRecord,
  type RecordFacts,
} from './parent-record.ts';
import { rerunLine } from './rerun-line.ts';
import type { RunRequest } from './run-request.ts';
import type { RunStore } from './run-store.ts';

/** What the end of a host or of its kernel means for a run. */
export interface Loss {
  /** Results that no host gave. */
  readonly settled: readonly CaseRecord[];
  /** Results that a host gave, completed by what is known now. */
  readonly amended: readonly CaseRecord[];
  readonly said: readonly string[];
  readonly problems: readonly string[];
}

const nothing: Loss = { settled: [], amended: [], said: [], problems: [] };

/** Attributes the early end of a host process, or of the kernel under it. */
export class HostLosses {
  readonly kernelDeaths = new KernelDeaths((result) => this.knownEndOf(result));
  readonly #request: RunRequest;
  readonly #planned: ReadonlyMap<string, PlannedCase>;
  readonly #rules: ExpectationRules;
  readonly #runWords: readonly string[];

  constructor(request: RunRequest, rules: ExpectationRules, runWords: readonly string[]) {
    this.#request = request;
    this.#planned = new Map(request.cases.map((planned) => [planned.key, planned]));
    this.#rules = rules;
    this.#runWords = runWords;
  }

  /** The entry that expects a result to end the kernel. */
  knownEndOf({ target, key }: Pick<PlannedResult, 'target' | 'key'>): Expectation | undefined {
    const planned = this.#planned.get(key);
    if (planned === undefined) return undefined;
    return kernelEndOf(this.#rules, target, { caseId: planned.definition.id, variant: planned.variant, key });
  }

  /**
   * The case that ran when a host died still gets a result: an error of ours.
   * @param held what that host had been given and had not finished.
   */
  ofHost(store: RunStore, name: string, held: readonly PlannedResult[], why: string): Loss {
    this.kernelDeaths.clear();
    const running = store.begunWithoutResult(held);
    const facts = running === undefined ? undefined : this.#factsOf(running);
    const place = running === undefined ? '' : ` (while ${running.key} ran)`;
    return {
      ...nothing,
      settled: facts === undefined ? [] : [errorRecord(facts, why)],
      said: [`${name}: ${why.split('\n')[0]}${place}`],
    };
  }

  /** A death of the kernel belongs to the case that repeats it alone on a fresh boot. */
  ofKernel(store: RunStore, target: string, held: readonly PlannedResult[], death: KernelDeath): Loss {
    const running = store.begunWithoutResult(held);
    const facts = running === undefined ? undefined : this.#factsOf(running);
    if (running === undefined || facts === undefined) return this.#betweenCases(store, target, death);
    if (!this.kernelDeaths.isProven(running, facts.planned.definition.id, death)) {
      return { ...nothing, said: [`${target}: the kernel died while ${running.key} ran, which runs again alone`] };
    }
    return {
      ...nothing,
      settled: [kernelDeathRecord(facts, death)],
      said: [`${target}: ${running.key} ended the kernel: ${death.signature}`],
    };
  }

  /** A host ended. Undefined unless it was to run a suspect alone: the kernel's death is attributed to the run. */
  ofSuspect(store: RunStore | undefined): Loss | undefined {
    const suspect = this.kernelDeaths.clear();
    if (suspect === undefined) return undefined;
    const id = resultId(suspect.result);
    const record = store?.results().find((one) => resultId(one) === id);
    return {
      ...nothing,
      amended: record === undefined ? [] : [notRepeatedRecord(record, suspect.death, suspect.before)],
    };
  }

  /** What is not run any more, because its case or its target ended too many kernels. */
  givenUp(target: string, missing: readonly PlannedResult[]): Loss {
    const settled = missing.flatMap((result) => {
      const facts = this.#factsOf(result);
      const why = facts && this.kernelDeaths.whyGivenUp(result, facts.planned.definition.id);
      return facts === undefined || why === undefined ? [] : [notRunRecord(facts, why)];
    });
    const wholly = this.kernelDeaths.whyTargetGivenUp(target);
    return {
      ...nothing,
      settled,
      problems: wholly === undefined || settled.length === 0 ? [] : [`${target}: ${wholly}`],
    };
  }

  /** What is not run any more, for a reason that is not its own. */
  notRun(missing: readonly PlannedResult[], why: string): Loss {
    const settled = missing.flatMap((result) => {
      const facts = this.#factsOf(result);
      return facts === undefined ? [] : [notRunRecord(facts, why)];
    });
    return { ...nothing, settled };
  }

  /** The words after `vhost-conformance` that run a target again. */
  rerunWords(target: string): string[] {
    const argument = this.#request.targets.find((one) => one.target.facts.name === target);
    const pair = this.#request.pairs.get(target);
    const words = pair === undefined || pair === argument ? [] : ['--pair', `${target}=${pair.words.join(' ')}`];
    const texts = this.#request.options.text.flatMap((name) => ['--text', name]);
    return [...this.#runWords, ...(argument?.words ?? []), ...words, ...texts];
  }

  #betweenCases(store: RunStore, target: string, death: KernelDeath): Loss {
    const before = this.kernelDeaths.lastCases;
    const last = before.at(-1);
    const record = store.results().findLast((one) => one.target === target && one.key === last);
    const what = `${target}: the kernel died between cases: ${death.signature}`;
    if (record === undefined) return { ...nothing, problems: [what] };
    return { ...nothing, amended: [diedBehindRecord(record, death, before.slice(0, -1))], said: [what] };
  }

  #factsOf(result: PlannedResult): RecordFacts | undefined {
    const planned = this.#planned.get(result.key);
    if (planned === undefined) return undefined;
    const { seed } = this.#request.options;
    const rerun = rerunLine(this.rerunWords(result.target), planned, seed);
    return { planned, result, seed, rerun, rules: this.#rules };
  }
}
