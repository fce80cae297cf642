import type { PlannedResult } from '../reports/record/run-plan.ts';
import type { Host, HostEnd, HostListener, HostPlace } from './host-conversation.ts';
import type { HostLosses, Loss } from './host-losses.ts';
import type { CasesWork, HostJob, HostOrder } from './host-protocol.ts';
import { instanceOf } from './instances.ts';
import type { ProgramHashes } from './program-hashes.ts';
import type { RunLedger } from './run-ledger.ts';
import type { TargetArgument } from './target-argument.ts';
import { UsageError } from './usage-error.ts';
import { WorkQueue } from './work-queue.ts';
import { WorkSharing } from './work-sharing.ts';

/** Hosts that die one after another without a result before an instance is given up. */
const deathsWithoutResult = 3;
/** Deaths of hosts for one cause, with results between them or not, before the target is given up. */
const deathsOfOneCause = 3;

export interface TargetRunOptions {
  readonly argument: TargetArgument;
  /** How many instances are judged at once. */
  readonly instances: number;
  readonly place: HostPlace;
  readonly ledger: RunLedger;
  readonly losses: HostLosses;
  readonly programs: ProgramHashes;
  /** What jobs of this run have in common. */
  readonly job: Pick<HostJob, 'root' | 'scratch' | 'parentPid'>;
  readonly work: Omit<CasesWork, 'results'>;
  /** The words that resume this run. */
  readonly resumeWords: string;
  caseIdOf(key: string): string;
  isInterrupted(): boolean;
}

/** One target in a run: its instances, each with one host process after another until nothing is left. */
export class TargetRun {
  readonly #options: TargetRunOptions;
  readonly #name: string;
  readonly #sharing: WorkSharing;
  readonly #hosts = new Set<Host>();
  #isStopped = false;
  /** Of hosts of all instances, by their cause. */
  readonly #deaths = new Map<string, number>();

  constructor(options: TargetRunOptions) {
    const { argument, instances, ledger, losses, caseIdOf } = options;
    this.#options = options;
    this.#name = argument.target.facts.name;
    const missing = new Set(ledger.missingOf(this.#name));
    const owed = ledger.owedOf(this.#name);
    const isKnownEnd = (result: PlannedResult): boolean => losses.knownEndOf(result) !== undefined;
    const queue = new WorkQueue(
      // The first that ends a kernel leaves to the next one a boot on which nothing ran before.
      [...owed.filter((result) => !isKnownEnd(result)), ...owed.filter(isKnownEnd)],
      (result) => missing.has(result),
      ({ key, repetition }) => `${caseIdOf(key)} ${repetition}`,
      instances,
    );
    this.#sharing = new WorkSharing(queue, instances);
  }

  /** @throws UsageError where the target cannot be judged, after the end of all its hosts. */
  async toItsEnd(): Promise<void> {
    const instances = Array.from({ length: this.#options.instances }, async (_, instance) => {
      try {
        await this.#judge(instance);
      } catch (error) {
        this.stop();
        throw error;
      }
    });
    const ends = await Promise.allSettled(instances);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Ends all hosts at once. */
  stop(): void {
    this.#isStopped = true;
    for (const host of this.#hosts) host.stop();
  }

  async #judge(instance: number): Promise<void> {
    const { ledger } = this.#options;
    const { queue } = this.#sharing;
    let deaths = 0;
    try {
      while (queue.waiting > 0 && !this.#isStopped && !this.#options.isInterrupted()) {
        const settledBefore = queue.settledBy(instance);
        const end = await this.#runHost(instance);
        const isToGoOn = this.#isToGoOn(instance, end);
        this.#sharing.ended(instance);
        if (!isToGoOn) return;
        if (ledger.store !== undefined)
          this.#take(this.#options.losses.givenUp(this.#name, queue.allWaiting()), instance);
        deaths = queue.settledBy(instance) > settledBefore ? 0 : deaths + 1;
        if (deaths < deathsWithoutResult) continue;
        ledger.problem(`${this.#nameOf(instance)}: ${deaths} host processes in a row died before a result`);
        return;
      }
    } finally {
      this.#sharing.left(instance);
      ledger.leaves(this.#shown(instance));
    }
  }

  /** What the end of a host means for the rest of its target. */
  #isToGoOn(instance: number, end: HostEnd): boolean {
    const { ledger, losses, resumeWords } = this.#options;
    const name = this.#nameOf(instance);
    switch (end.kind) {
      case 'completed':
        if (this.#tookSuspect(instance)) return true;
        if (end.gaveUp !== undefined) ledger.gaveUp(`${name}: ${end.gaveUp}`);
        return false;
      case 'stopped':
        return false;
      case 'unusable':
        if (ledger.store === undefined) throw new UsageError(`${name}: ${end.why}`);
        ledger.problem(`${name}: ${end.why}`);
        return false;
      case 'not-served':
        ledger.problem(`${name}: ${end.why}; "${resumeWords}" runs what is missing`);
        return false;
      case 'no-point':
        if (!ledger.hasJudged()) ledger.store?.discard();
        throw new UsageError(end.why);
      case 'unwritable':
        throw new UsageError(end.why);
      case 'died':
        if (ledger.store === undefined) throw new UsageError(`${name}: ${end.why}`);
        this.#take(losses.ofHost(ledger.store, name, this.#sharing.queue.heldBy(instance), end.why), instance);
        return !this.#isTooOften(name, end, instance);
      case 'kernel-died':
        if (ledger.store === undefined) {
          ledger.say(end.death.log);
          throw new UsageError(`${name}: the kernel died before it served: ${end.death.signature}`);
        }
        this.#take(losses.ofKernel(ledger.store, name, this.#sharing.queue.heldBy(instance), end.death), instance);
        return true;
    }
  }

  /** Gives the target up where its hosts died too often for one cause: the next ones would as well. */
  #isTooOften(name: string, { cause }: Extract<HostEnd, { kind: 'died' }>, instance: number): boolean {
    const { ledger, losses } = this.#options;
    const times = (this.#deaths.get(cause) ?? 0) + 1;
    this.#deaths.set(cause, times);
    if (times < deathsOfOneCause) return false;
    const why = `given up: its host process was lost ${times} times (${cause})`;
    this.#take(losses.notRun(this.#sharing.queue.allWaiting(), why), instance);
    ledger.problem(`${name}: ${why}`);
    return true;
  }

  /** The result that ran alone, because the kernel had died under it, completed. */
  #tookSuspect(instance: number): boolean {
    const { losses, ledger } = this.#options;
    const loss = losses.ofSuspect(ledger.store);
    if (loss !== undefined && ledger.store !== undefined) this.#take(loss, instance);
    return loss !== undefined;
  }

  #take(loss: Loss, instance: number): void {
    const settled = loss.settled.map((record) => ({ ...record, ...instanceOf({ instance: this.#shown(instance) }) }));
    for (const record of this.#options.ledger.take({ ...loss, settled })) this.#sharing.queue.settle(record, instance);
  }

  async #runHost(instance: number): Promise<HostEnd> {
    const { argument, instances, place, job, work, programs, isInterrupted } = this.#options;
    const binaryHash = await programs.of(argument.target);
    this.#sharing.began(instance);
    const host = place.startHost(
      {
        ...job,
        target: argument.target,
        ...(binaryHash === undefined ? {} : { binaryHash }),
        work: { ...work, results: this.#sharing.queue.results },
        ...(instances === 1 ? {} : { instance, instances }),
      },
      this.#listener(instance),
    );
    this.#hosts.add(host);
    if (this.#isStopped || isInterrupted()) host.stop();
    try {
      return await host.ended;
    } finally {
      this.#hosts.delete(host);
    }
  }

  #listener(instance: number): HostListener {
    const { ledger, losses } = this.#options;
    const order = this.#orders(instance);
    return {
      ready: (target) => ledger.serves(target),
      wantsOrder: order,
      message: (message) => {
        switch (message.kind) {
          case 'begin':
            losses.kernelDeaths.began(message.key);
            ledger.begins(message.key, this.#shown(instance));
            return;
          case 'case': {
            const { key, repetition, verdict } = message;
            const result = { target: this.#name, key, repetition };
            if (verdict === 'not-applicable') losses.kernelDeaths.didNotApply(key);
            this.#sharing.queue.settle(result, instance);
            ledger.finished(result, verdict);
            return;
          }
          case 'death':
            this.#sharing.died(instance, message.death);
        }
      },
      booted: () => losses.kernelDeaths.booted(),
      note: (line) => ledger.say(line),
      isKnownEnd: (key) => losses.knownEndOf({ target: this.#name, key }) !== undefined,
    };
  }

  /** What a host is given: the one result under which a kernel died, alone, or its share of all. */
  #orders(instance: number): (gaveUp: boolean, give: (order: HostOrder) => void) => void {
    const suspect = this.#options.losses.kernelDeaths.suspect?.result;
    if (suspect === undefined) return (gaveUp, give) => this.#sharing.ask({ instance, give }, gaveUp);
    return (_gaveUp, give) => {
      const results = this.#sharing.queue.takeOne(suspect, instance);
      give(results.length === 0 ? { kind: 'end' } : { kind: 'run', results, deathsElsewhere: [] });
    };
  }

  #nameOf(instance: number): string {
    return this.#options.instances === 1 ? this.#name : `${this.#name} (instance ${instance})`;
  }

  /** The number of an instance where there are several. */
  #shown(instance: number): number | undefined {
    return this.#options.instances === 1 ? undefined : instance;
  }
}
