import type { DeviceRingOptions } from '../../../virtqueue/attach-area.ts';
import type { Chain, EmptyRing, MalformedChain } from '../../../virtqueue/chain.ts';
import type { DeviceRing } from '../../../virtqueue/device-ring.ts';
import { lackingOf, type MalformedReason } from '../../../virtqueue/malformed.ts';
import type { PackedDevice } from '../../../virtqueue/packed/device-ring.ts';
import type { RingLayout, RingPosition } from '../../../virtqueue/ring.ts';
import type { SplitDevice } from '../../../virtqueue/split/device-ring.ts';
import { breach, keptIf, type Tell } from '../judgement.ts';
import { tellInOrder, tellKept, tellPackedSuppression, tellSplitSuppression, tellTableFlags } from './chain-rules.ts';
import { KickWatch } from './kick-watch.ts';
import { requirementOfMalformed } from './malformed-requirements.ts';
import { packedDescriptors, type RawDescriptor, splitDescriptors, tableEntries } from './raw-descriptors.ts';

export interface RingTelling {
  readonly tell: Tell;
  /** A chain was taken. */
  readonly taken: (chain: Chain) => void;
  /** The device could not follow a chain, and no requirement of the driver says why. */
  readonly unexplained: (reason: MalformedReason) => void;
}

/** A chain that was taken: where it begins on a packed ring, and its descriptors as they were then. */
interface Exposed {
  readonly slot: number;
  readonly descriptors: string;
}

/** A ring that a device works on, with what its driver writes judged on the way. */
export class WatchedRing implements DeviceRing {
  readonly layout: RingLayout;
  readonly size: number;
  readonly kicks: KickWatch;
  readonly #ring: SplitDevice | PackedDevice;
  readonly #attached: DeviceRingOptions;
  readonly #telling: RingTelling;
  readonly #exposed = new Map<Chain, Exposed>();
  #lastMalformed: MalformedReason | undefined;

  constructor(ring: SplitDevice | PackedDevice, attached: DeviceRingOptions, telling: RingTelling) {
    this.layout = ring.layout;
    this.size = ring.size;
    this.#ring = ring;
    this.#attached = attached;
    this.#telling = telling;
    this.kicks = new KickWatch(ring.layout, attached.features.eventIdx, telling.tell);
  }

  get position(): RingPosition {
    return this.#ring.position;
  }

  pending(): number {
    return this.#ring.pending();
  }

  next(): Chain | MalformedChain | EmptyRing {
    const slot = this.#ring.layout === 'packed' ? this.#ring.position.avail : 0;
    const next = this.#ring.next();
    switch (next.kind) {
      case 'empty':
        this.kicks.foundEmpty();
        break;
      case 'malformed':
        this.#malformed(next.reason);
        break;
      case 'chain':
        this.kicks.foundChain();
        if (!next.isResubmitted) this.#judge(next, slot);
        this.#telling.taken(next);
    }
    return next;
  }

  complete(chain: Chain, written: number): void {
    const before = this.#exposed.get(chain);
    if (before !== undefined) this.#judgeExposed(chain, before);
    this.#exposed.delete(chain);
    this.#ring.complete(chain, written);
  }

  beginTogether(): void {
    this.#ring.beginTogether();
  }

  endTogether(): void {
    this.#ring.endTogether();
  }

  mark(): () => void {
    const rewind = this.#ring.mark();
    return () => {
      this.#exposed.clear();
      rewind();
    };
  }

  needsCall(): boolean {
    return this.#ring.needsCall();
  }

  wantKicks(wanted: boolean): void {
    this.kicks.wanted(wanted);
    this.#ring.wantKicks(wanted);
  }

  #malformed(reason: MalformedReason): void {
    if (lackingOf(reason) !== undefined || reason === this.#lastMalformed) return;
    this.#lastMalformed = reason;
    const requirement = requirementOfMalformed(reason, this.layout);
    if (requirement === undefined) this.#telling.unexplained(reason);
    else
      this.#telling.tell(
        requirement,
        breach('a chain that was made available', 'one that the device can follow', reason),
      );
  }

  #judge(chain: Chain, slot: number): void {
    const { tell } = this.#telling;
    const { features, bufferSpace } = this.#attached;
    this.#lastMalformed = undefined;
    tellKept(chain, this.layout, bufferSpace, tell);
    const descriptors = this.#descriptors(chain, slot);
    this.#exposed.set(chain, { slot, descriptors: inWords(descriptors) });
    const entries = chain.isIndirect ? tableEntries(descriptors, this.#attached, this.layout) : [];
    if (this.#ring.layout === 'split') {
      if (features.inOrder) tellInOrder(descriptors, entries, this.size, tell);
      tellSplitSuppression(this.#ring.ring, features.eventIdx, tell);
    } else {
      tellTableFlags(entries, tell);
      tellPackedSuppression(this.#ring.ring, features.eventIdx, tell);
    }
  }

  /** Split rings keep the head; a packed chain is known by its first slot. */
  #descriptors(chain: Chain, slot: number): RawDescriptor[] {
    if (this.#ring.layout === 'split') return splitDescriptors(this.#ring.ring, chain);
    return packedDescriptors(this.#ring.ring, slot, chain);
  }

  #judgeExposed(chain: Chain, { slot, descriptors }: Exposed): void {
    const now = inWords(this.#descriptors(chain, slot));
    const requirement =
      this.layout === 'split' ? 'init/exposed-buffers-unaltered' : 'packed/descriptor-untouched-until-used';
    this.#telling.tell(
      requirement,
      keptIf(now === descriptors, () => breach('the descriptors of a chain that is not used yet', descriptors, now)),
    );
  }
}

const inWords = (descriptors: readonly RawDescriptor[]): string =>
  descriptors
    .map(({ addr, len, flags, next }) => `0x${addr.toString(16)} +${len} flags ${flags} next ${next}`)
    .join(', ');
