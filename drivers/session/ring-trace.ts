import type { EventLog } from '../../reference-impl/observations/event-log.ts';

/** Writes into the log what our side puts into a ring and what it finds used there, as the bytes are. */
export interface RingTrace {
  /** From here to `ends` the chains that are added are told whole; all that is stored otherwise, store by store. */
  begins(): void;
  ends(): void;
  /** The chain that was added last. */
  chain(id: number): void;
  /** What makes the chains available that were added, where the layout has a place for it. */
  published(): void;
  /** The used element that was taken last. */
  used(): void;
  /** Before a kick. */
  kicked(): void;
}

/** Stores by hand that are written into the log between two moments at which the device is looked at. */
export const mostByHand = 256;

/** Stands in the log where there were more. */
export const storesLeftOut = (index: number): string =>
  `ring ${index}: more than ${mostByHand} stores by hand; those behind are not in the trace`;

/** How many stores by hand are told: a case can make any number. */
export class StoresByHand {
  readonly #log: EventLog;
  readonly #index: number;
  #left = mostByHand;

  constructor(log: EventLog, index: number) {
    this.#log = log;
    this.#index = index;
  }

  /** Whether one more is told. */
  admits(): boolean {
    this.#left--;
    if (this.#left === -1) this.#log.note(storesLeftOut(this.#index));
    return this.#left >= 0;
  }

  /** The device was kicked, or an element taken that it used. */
  begin(): void {
    this.#left = mostByHand;
  }
}
