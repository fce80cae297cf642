import type { RequirementSlug } from '../../catalogue/catalogue.ts';

/** On which receive queues frames come, where a driver may use several pairs of queues (virtio 5.1.9.5.5). */
export class NetPairsModel {
  /** Pairs in use; undefined while a command changes that, and where nothing is known. */
  #inUse: number | undefined = 1;
  #wasTold = false;

  /** Virtio 5.1.9.5.5: behind a reset the first pair alone is in use. */
  reset(): void {
    this.#inUse = 1;
    this.#wasTold = false;
  }

  lose(): void {
    this.#inUse = undefined;
  }

  /** A command that changes the number of pairs was used. */
  set(pairs: number): void {
    this.#inUse = pairs;
    this.#wasTold = true;
  }

  /** Whether a driver may send on this transmit queue. */
  maySend(index: number): boolean {
    return this.#inUse !== undefined && index < 2 * this.#inUse;
  }

  /**
   * The rule that a frame breaks which came on a receive queue; undefined where it breaks none.
   * @param expected the receive queue of the pair on which it was sent, as the last frame of its flow.
   */
  brokenBy(came: number, expected: number): RequirementSlug | undefined {
    if (this.#inUse === undefined || came === expected) return undefined;
    if (came < 2 * this.#inUse) return 'net/flow-returns-on-matching-queue';
    return this.#wasTold ? 'net/queues-beyond-pair-count-unused' : 'net/first-receive-queue-only-after-reset';
  }
}
