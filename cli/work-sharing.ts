import type { HostDeath, HostOrder } from './host-protocol.ts';
import type { WorkQueue } from './work-queue.ts';

/** A host that asked for work and waits for its order. */
interface Asking {
  readonly instance: number;
  give(order: HostOrder): void;
}

/**
 * Shares the results of one target among its instances. An instance that gave its target up gets nothing while another
 * still judges: it would only say `not-run` of what the other can run.
 */
export class WorkSharing {
  readonly queue: WorkQueue;
  readonly #active: Set<number>;
  readonly #gaveUp = new Map<number, Asking>();
  /** Deaths of all instances, in the order in which they were told. */
  readonly #deaths: { readonly instance: number; readonly death: HostDeath }[] = [];
  /** By instance: how many deaths there were when its present host began, and how many that host knows. */
  readonly #known = new Map<number, { readonly atBegin: number; readonly told: number }>();

  constructor(queue: WorkQueue, instances: number) {
    this.queue = queue;
    this.#active = new Set(Array.from({ length: instances }, (_, instance) => instance));
  }

  /** A host began: it knows of no deaths, not even those that an earlier host of its instance saw. */
  began(instance: number): void {
    this.#known.set(instance, { atBegin: this.#deaths.length, told: 0 });
  }

  /** @param gaveUp whether the instance has given the target up. */
  ask(asking: Asking, gaveUp: boolean): void {
    if (gaveUp) this.#gaveUp.set(asking.instance, asking);
    else this.#give(asking, this.queue.take(asking.instance));
    this.#wake();
  }

  died(instance: number, death: HostDeath): void {
    this.#deaths.push({ instance, death });
  }

  /** A host ended, and what it held waits again. */
  ended(instance: number): void {
    this.#gaveUp.delete(instance);
    this.queue.giveBack(instance);
    this.#wake();
  }

  /** No further host of this instance will come. */
  left(instance: number): void {
    this.#active.delete(instance);
    this.#wake();
  }

  #wake(): void {
    const judging = [...this.#active].filter((instance) => !this.#gaveUp.has(instance));
    if (judging.length > 0 && this.queue.waiting > 0) return;
    for (const [instance, asking] of [...this.#gaveUp]) {
      // It ends behind this order.
      this.#active.delete(instance);
      this.#gaveUp.delete(instance);
      this.#give(asking, this.queue.takeAll(instance));
    }
  }

  #give({ instance, give }: Asking, results: number[]): void {
    if (results.length === 0) {
      give({ kind: 'end' });
      return;
    }
    const { atBegin, told } = this.#known.get(instance) ?? { atBegin: 0, told: 0 };
    const news = this.#deaths.filter((one, at) => at >= told && (at < atBegin || one.instance !== instance));
    this.#known.set(instance, { atBegin, told: this.#deaths.length });
    give({ kind: 'run', results, deathsElsewhere: news.map(({ death }) => death) });
  }
}
