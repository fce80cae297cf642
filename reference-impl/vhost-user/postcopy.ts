import { AwaitedPages } from './awaited-pages.ts';
import type { BackEndEdge, DescriptorToken, PageFaults, SharedMemory } from './back-end-edge.ts';
import type { FrontEndMemory, HeldRegion } from './front-end-memory.ts';
import type { RegionDescription } from './memory-rules.ts';
import type { PostcopyRules } from './postcopy-rules.ts';

interface PostcopySession {
  readonly edge: BackEndEdge;
  readonly memory: FrontEndMemory;
  readonly rings: { reattach(): void; pagesArrived(): void };
  readonly rules: { readonly postcopy: PostcopyRules };
}

/**
 * Memory that arrives while it is in use. From POSTCOPY_LISTEN on, the reply to a memory table says where regions lie here;
 * they are touched once the front-end has acknowledged it, and what is missing of them then is accessed by a thread that
 * waits: the session goes on meanwhile.
 */
export class Postcopy {
  readonly #session: PostcopySession;
  #userfault: DescriptorToken | undefined;
  #isListening = false;
  #awaitsAcknowledgement = false;

  constructor(session: PostcopySession) {
    this.#session = session;
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /** A reply to a memory table is not acknowledged yet. */
  get awaitsAcknowledgement(): boolean {
    return this.#awaitsAcknowledgement;
  }

  get isAdvised(): boolean {
    return this.#userfault !== undefined;
  }

  /** Opens a userfaultfd, the first time, and gives what is handed over; undefined where there is none to be had. */
  advise(): readonly DescriptorToken[] | undefined {
    const { edge, rules } = this.#session;
    this.#userfault ??= edge.pageFaults?.open();
    const userfault = this.#userfault;
    if (userfault === undefined) return undefined;
    switch (rules.postcopy.handsOver) {
      case 'userfaultfd':
        return listOf(edge.pageFaults?.share(userfault));
      case 'memory-file':
        return listOf(edge.createSharedMemory('no-userfaultfd', edge.pageSize)?.token);
      case 'nothing':
        return [];
    }
  }

  /** From now on memory arrives late: what is told of, and what was told before. */
  listen(): void {
    const { memory, rings } = this.#session;
    this.#isListening = true;
    memory.arrivalsOf = (mapped) => this.#awaitedOf(mapped);
    memory.awaitAgain();
    this.#openAll();
    rings.reattach();
  }

  /** What the reply to a memory table says of regions that are mapped now and not to be touched yet. */
  told(regions: readonly RegionDescription[]): RegionDescription[] {
    const { memory, rules } = this.#session;
    this.#awaitsAcknowledgement = true;
    return regions.map((region) => {
      const held = memory.held.find(({ told }) => told === region) as HeldRegion;
      if (!rules.postcopy.waitsForAcknowledgement) held.memory.bytes.at(0);
      return rules.postcopy.told(region, this.#faults.addressOf(held.memory));
    });
  }

  /** The front-end knows where the regions lie, and serves what is missing there. */
  acknowledged(): void {
    this.#awaitsAcknowledgement = false;
    this.#openAll();
    this.#session.rings.pagesArrived();
  }

  /** The answer to POSTCOPY_END. */
  end(): bigint {
    if (!this.#isListening) return 1n;
    if (this.#session.rules.postcopy.dropsAtEnd) {
      this.release();
      this.#session.rings.pagesArrived();
    }
    return this.#session.rules.postcopy.endAnswer;
  }

  /** Gives back what it holds, before memory is unmapped. */
  release(): void {
    const { edge, memory } = this.#session;
    this.#isListening = false;
    this.#awaitsAcknowledgement = false;
    memory.arrivalsOf = undefined;
    for (const { memory: mapped, region } of memory.held) {
      region.arrivals?.end();
      edge.pageFaults?.unregister(mapped);
    }
    edge.close(this.#userfault);
    this.#userfault = undefined;
  }

  /** What a userfaultfd came from: nothing but POSTCOPY_ADVISE is handled without. */
  get #faults(): PageFaults {
    return this.#session.edge.pageFaults as PageFaults;
  }

  #awaitedOf(memory: SharedMemory): AwaitedPages {
    const { edge, rings } = this.#session;
    return new AwaitedPages(this.#faults, memory, edge.pageSize, () => rings.pagesArrived());
  }

  #openAll(): void {
    const { memory, rules } = this.#session;
    for (const held of memory.held) {
      // What cannot be registered is accessed all the same, and never waits.
      if (rules.postcopy.registers(held.told)) {
        this.#faults.register(this.#userfault as DescriptorToken, held.memory);
      }
      held.region.arrivals?.open();
    }
  }
}

const listOf = (token: DescriptorToken | undefined): readonly DescriptorToken[] => (token === undefined ? [] : [token]);
