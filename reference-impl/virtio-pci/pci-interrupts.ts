import { VIRTIO_MSI_NO_VECTOR } from '../wire/virtio-pci.ts';
import type { MappedEvent, MappedQueues, PciInterruptRules } from './pci-rules.ts';

/** How interrupts leave the function. */
export interface InterruptLines {
  readonly isMsixEnabled: () => boolean;
  /** Requests the message of a vector; of none there is, where it is not in the table. */
  signalVector(vector: number): void;
  /** The pin may have to be asserted. */
  pinChanged(): void;
}

/** ISR status, vectors, and what is told of used buffers and of changes of configuration. */
export class PciInterrupts {
  readonly #rules: PciInterruptRules;
  readonly #vectors: number;
  readonly #lines: InterruptLines;
  #isr = 0;
  #configVector: number = VIRTIO_MSI_NO_VECTOR;

  constructor(rules: PciInterruptRules, vectors: number, lines: InterruptLines) {
    this.#rules = rules;
    this.#vectors = vectors;
    this.#lines = lines;
  }

  get configVector(): number {
    return this.#configVector;
  }

  /** What the status register shows. */
  get isPending(): boolean {
    return this.#rules.isPending(this.#isr);
  }

  /** Whether the pin is to be asserted. */
  get isPinDue(): boolean {
    return this.#isr !== 0;
  }

  /** The vector of a queue behind a write. */
  mapped(queue: number, vector: number, queues: MappedQueues): number {
    return this.#rules.mapped(queue, vector, this.#vectors, { queues, configuration: this.#configVector });
  }

  mapConfiguration(vector: number, queues: MappedQueues): void {
    const { mapped } = this.#rules;
    this.#configVector = mapped('configuration', vector, this.#vectors, { queues, configuration: this.#configVector });
  }

  /** Buffers of a queue were used that is mapped to a vector. */
  ofQueue(queue: number, vector: number): void {
    if (this.#lines.isMsixEnabled()) {
      this.#signal(queue, vector);
      return;
    }
    this.#isr = this.#rules.queueBit(this.#isr);
    this.#lines.pinChanged();
  }

  ofConfiguration(): void {
    this.#isr = this.#rules.configurationBit(this.#isr);
    if (this.#lines.isMsixEnabled()) this.#signal('configuration', this.#configVector);
    else this.#lines.pinChanged();
  }

  readIsr(): number {
    const isr = this.#isr;
    this.#isr = this.#rules.afterRead(isr);
    return isr;
  }

  reset(): void {
    this.#isr = this.#rules.isrAfterReset(this.#isr);
    this.#configVector = this.#rules.afterReset(this.#configVector);
  }

  #signal(event: MappedEvent, mapped: number): void {
    this.#lines.signalVector(this.#rules.signalled(event, mapped));
  }
}
