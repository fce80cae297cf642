import { hasFeature, type RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import type { Model } from '../../reference-impl/oracle/model/model.ts';
import type { RestReason } from '../../reference-impl/oracle/model/transport-requirements.ts';
import type { Call, CallOf } from '../program/program.ts';
import type { JudgedQueue } from './judged-queue.ts';
import type { JudgedRun } from './judged-run.ts';
import { suppressionOf } from './ring-look.ts';

/** Tells the model what keeps rings that run from being served: they are disabled, their device rests, or their memory is gone. */
export class RestJudge {
  readonly #run: JudgedRun;
  readonly #model: Model;
  readonly #queues: ReadonlyMap<number, JudgedQueue>;
  /** By session: regions of its memory that were taken away. */
  readonly #unmapped = new Map<number, Set<number>>();
  /** By session: rings that are enabled, by index. */
  readonly #isOn = new Map<number, Set<number>>();
  /** Sessions whose device was stopped by hand. */
  readonly #suspended = new Set<number>();
  /** Queues with a chain that the device was not told of. */
  readonly #untold = new Set<number>();

  constructor(run: JudgedRun, model: Model, queues: ReadonlyMap<number, JudgedQueue>) {
    this.#run = run;
    this.#model = model;
    this.#queues = queues;
  }

  /** SET_VRING_ENABLE counts for a ring that is stopped as well. */
  turned(session: number, index: number, isOn: boolean): void {
    this.#turn(session, index, isOn);
  }

  /** A ring was set up, with a message that enables it or without. */
  attached(queue: number, session: number, index: number, isEnabled: boolean, isStarted: boolean): void {
    if (!isStarted && this.#run.known.transport === 'vhost-user') this.#enabled(queue, false, 'unstarted');
    if (isEnabled) this.#turn(session, index, true);
    else if (this.#run.known.transport === 'vhost-user' && !this.#isEnabled(session, index))
      this.#enabled(queue, false, 'disabled');
  }

  #turn(session: number, index: number, isOn: boolean): void {
    const on = this.#isOn.get(session) ?? new Set();
    this.#isOn.set(session, on);
    if (isOn) on.add(index);
    else on.delete(index);
  }

  #isEnabled(session: number, index: number): boolean {
    const accepted = this.#run.made.sessions.get(session)?.negotiated.accepted;
    const isTold = accepted !== undefined && hasFeature(accepted, 'VHOST_USER_F_PROTOCOL_FEATURES', this.#run.known);
    return !isTold || this.#isOn.get(session)?.has(index) === true;
  }

  /** Behind a message that enables a ring, or disables it. */
  enabled({ queue, on }: CallOf<'enable'>): void {
    const judged = this.#queues.get(queue);
    if (judged !== undefined) this.#turn(judged.session, judged.index, on);
    this.#enabled(queue, on, 'disabled');
  }

  /** The ring at an index got its kick descriptor: it starts. */
  begun(session: number, index: number): void {
    for (const [id, queue] of this.#queues) {
      if (queue.session === session && queue.index === index) this.#enabled(id, true, 'unstarted');
    }
  }

  /** A device of vhost-mdev that has nothing to do looks at no ring that it is not told of. Ahead of the chain. */
  idles(queue: number): void {
    const { transport } = this.#run.known;
    if (transport !== 'vhost-mdev' || this.#run.target.judgesChoices !== true) return;
    this.#untold.add(queue);
    this.#enabled(queue, false, 'untold');
  }

  /** Whatever else is done to a device, its rings may be looked at. */
  begins(call: Call): void {
    if (this.#untold.size === 0) return;
    for (const queue of this.#untold) {
      const isOther = call.kind === 'kick' && call.queue !== queue;
      if (isOther || call.kind === 'chain' || call.kind === 'wait') continue;
      this.#untold.delete(queue);
      this.#enabled(queue, true, 'untold');
    }
  }

  /** A message by hand enabled the ring at an index. */
  enabledByHand(session: number, index: number): void {
    for (const [id, queue] of this.#queues) {
      if (queue.session === session && queue.index === index) this.#enabled(id, true, 'disabled');
    }
  }

  /** The device of a session was suspended, or resumed. */
  suspended(session: number, isSuspended: boolean): void {
    if (isSuspended) this.#suspended.add(session);
    for (const [id, queue] of this.#queues) if (queue.session === session) this.#enabled(id, !isSuspended, 'suspended');
  }

  /** A region was taken away, or is there again: nothing is used while all of them are gone. */
  mapped(session: number, memory: number, region: number, isThere: boolean): void {
    const gone = this.#unmapped.get(session) ?? new Set();
    this.#unmapped.set(session, gone);
    const regions = this.#run.made.guests.get(memory)?.regions.length ?? 1;
    if (isThere) gone.delete(region % regions);
    else gone.add(region % regions);
    if (isThere) return;
    const isWhole = gone.size === regions;
    for (const [id, queue] of this.#queues) {
      if (queue.session !== session) continue;
      const isReceiving = this.#run.known.device === 'net' && queue.index % 2 === 0;
      const outstanding = this.#run.made.queues.get(id)?.queue.driver.outstanding ?? 0;
      // A device may give a ring up whose chains it cannot carry out.
      if (outstanding > 0 && !isReceiving) this.#model.observe({ kind: 'lost', what: 'ring', id: queue.ring });
      else if (isWhole) this.#enabled(id, false, 'unmapped');
    }
  }

  /** A device of vhost-mdev was told to start, which counts for one that is stopped. */
  toldToStart(session: number): void {
    if (this.#suspended.has(session)) this.started(session);
  }

  /** The device was started, with all of its memory. */
  started(session: number): void {
    this.#suspended.delete(session);
    if ((this.#unmapped.get(session)?.size ?? 0) > 0) return;
    for (const [id, queue] of this.#queues) {
      if (queue.session !== session) continue;
      this.#enabled(id, true, 'suspended');
      this.#enabled(id, true, 'unmapped');
    }
  }

  /** The device of a session was reset. */
  reset(session: number, requirement: RequirementSlug): void {
    this.#isOn.delete(session);
    for (const [id, queue] of this.#queues) {
      const attached = this.#run.made.queues.get(id);
      if (queue.session !== session || attached === undefined) continue;
      this.#model.observe({ kind: 'reset', queue: id, used: attached.queue.usedCount(), requirement });
    }
  }

  #enabled(queue: number, on: boolean, by: RestReason): void {
    const attached = this.#run.made.queues.get(queue);
    const judged = this.#queues.get(queue);
    if (attached === undefined || judged === undefined) return;
    const suppression = judged.hasCleanFlags ? suppressionOf(attached.queue.ring) : 0;
    this.#model.observe({ kind: 'enabled', by, queue, on, used: attached.queue.usedCount(), suppression });
  }
}
