import type { Queue } from '../../drivers/port/port.ts';
import type { Model } from '../../reference-impl/oracle/model/model.ts';
import { VFIO_IRQ_SET_DATA_EVENTFD } from '../../reference-impl/wire/vfio-structures.ts';
import type { CallOf } from '../program/program.ts';
import type { JudgedQueue } from './judged-queue.ts';
import type { JudgedRun } from './judged-run.ts';

/** Feeds the model with the calls of rings: where they go, which are asked for, and which came. */
export class CallsJudge {
  readonly #run: JudgedRun;
  readonly #model: Model;
  readonly #queues: ReadonlyMap<number, JudgedQueue>;

  /** @param queues those that are judged, which others add. */
  constructor(run: JudgedRun, model: Model, queues: ReadonlyMap<number, JudgedQueue>) {
    this.#run = run;
    this.#model = model;
    this.#queues = queues;
  }

  /** The calls of a ring go to another event descriptor; undefined for none. */
  goElsewhere(session: number, index: number, descriptor: number | undefined): void {
    // Of several queues at an index, the one that was attached last has it.
    const last = [...this.#queues].findLast(([, queue]) => queue.session === session && queue.index === index);
    for (const [id, queue] of last === undefined ? [] : [last]) {
      const attached = this.#run.made.queues.get(id);
      if (attached === undefined) continue;
      const calls = this.#cameOf(queue, attached.queue);
      queue.callDescriptor = descriptor;
      const used = attached.queue.usedCount();
      this.#model.observe({ kind: 'calls-moved', queue: id, calls, used, isHeard: descriptor !== undefined });
    }
  }

  /** Vectors of the rings of a session were set, or signalled. */
  interruptsSet(call: CallOf<'device-call'>): void {
    const { session, flags, start, count, descriptors } = call;
    const { target } = this.#run;
    const events = this.#run.made.events.get(call.id) ?? [];
    for (const { session: of, index } of [...this.#queues.values()]) {
      if (of !== session || index < start) continue;
      const n = index - start;
      const event = descriptors[n]?.kind === 'eventfd' ? events[n] : undefined;
      const isSet = n < count && (flags & VFIO_IRQ_SET_DATA_EVENTFD) !== 0;
      if (isSet && event !== undefined) this.goElsewhere(session, index, event);
      // What else a vector does is a choice.
      else if (target.judgesChoices !== true) this.lose(session, index);
      else if (isSet || count === 0) this.goElsewhere(session, index, undefined);
      else if (n < count) this.mayCallOnceMore(session, index);
    }
  }

  /** Calls of the ring at an index come where they are not counted. */
  lose(session: number, index: number): void {
    for (const [id, queue] of this.#queues) {
      const isMeant = queue.session === session && queue.index === index;
      if (isMeant) this.#model.observe({ kind: 'lost', what: 'calls', id });
    }
  }

  mayCallOnceMore(session: number, index: number): void {
    for (const [id, queue] of this.#queues) {
      const isMeant = queue.session === session && queue.index === index;
      if (isMeant) this.#model.observe({ kind: 'called-by-hand', queue: id });
    }
  }

  /** Calls that were seen, wherever they went. */
  #cameOf(judged: JudgedQueue, queue: Queue): number {
    const { callDescriptor } = judged;
    if (callDescriptor !== undefined) judged.callsElsewhere += this.#run.port.descriptors.read(callDescriptor);
    return queue.calls() + judged.callsElsewhere;
  }

  /** The driver says which calls it asks for. */
  asked({ queue: queueId, how, after }: CallOf<'ask'>): void {
    const queue = this.#queues.get(queueId);
    const attached = this.#run.made.queues.get(queueId);
    if (queue === undefined || attached === undefined) return;
    if (attached.queue.driver.outstanding > 0) {
      this.#model.observe({ kind: 'lost', what: 'calls', id: queueId });
      return;
    }
    this.lookAt(queueId, attached.queue);
    const used = attached.queue.usedCount();
    const calls = this.#cameOf(queue, attached.queue);
    this.#model.observe({ kind: 'asked', queue: queueId, how, after: after % attached.queue.ring.size, used, calls });
  }

  /** Calls that a queue owes for what it used have come by now, or never will. */
  lookAt(queueId: number, queue: Queue): void {
    const judged = this.#queues.get(queueId);
    if (judged === undefined) return;
    const before = this.#cameOf(judged, queue);
    const used = queue.usedCount();
    const owed = this.#model.callsOwed(queueId, used);
    const { port } = this.#run;
    if (owed > before) port.until(() => this.#cameOf(judged, queue) >= owed, port.deadlineMs);
    this.#model.observe({ kind: 'calls', queue: queueId, before, used, calls: this.#cameOf(judged, queue) });
  }
}
