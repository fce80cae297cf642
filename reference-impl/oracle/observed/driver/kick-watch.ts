import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { RingLayout } from '../../../virtqueue/ring.ts';
import { breach, type Tell } from '../judgement.ts';

/** A driver is told nothing of how fast it must be: only a kick that stays away this long is taken for one that never comes. */
const patienceMs = 5_000;

/** Kicks of one ring: one is due once the device asked for it, found the ring empty, and a chain came after that. */
export class KickWatch {
  readonly #requirement: RequirementSlug;
  readonly #tell: Tell;
  #isAsked = false;
  #isAsleep = false;
  #waitsSinceMs: number | undefined;

  constructor(layout: RingLayout, eventIdx: boolean, tell: Tell) {
    this.#requirement = requirementOf(layout, eventIdx);
    this.#tell = tell;
  }

  wanted(isWanted: boolean): void {
    this.#isAsked = isWanted;
    if (!isWanted) this.#isAsleep = false;
  }

  foundEmpty(): void {
    this.#isAsleep = this.#isAsked;
    this.#waitsSinceMs = undefined;
  }

  foundChain(): void {
    this.#isAsleep = false;
    this.#waitsSinceMs = undefined;
  }

  kicked(pending: () => number): void {
    if (this.#isAsleep && pending() > 0) this.#tell(this.#requirement, 'kept');
    this.#isAsleep = false;
    this.#waitsSinceMs = undefined;
  }

  /** Looks at a ring that may wait for a kick. */
  look(nowMs: number, pending: () => number): void {
    if (!this.#isAsleep || pending() === 0) return;
    this.#waitsSinceMs ??= nowMs;
    if (nowMs - this.#waitsSinceMs < patienceMs) return;
    this.#tell(
      this.#requirement,
      breach(
        'a ring that asks for kicks',
        'a kick for the chain that was made available',
        `none within ${patienceMs} ms`,
      ),
    );
    this.#isAsleep = false;
  }
}

function requirementOf(layout: RingLayout, eventIdx: boolean): RequirementSlug {
  if (layout === 'split') return eventIdx ? 'notify/passing-avail-event-kicks' : 'notify/kicks-sent-with-flag-clear';
  return eventIdx ? 'notify/packed-device-event-descriptor-kicks' : 'notify/packed-kicks-sent-when-enabled';
}
