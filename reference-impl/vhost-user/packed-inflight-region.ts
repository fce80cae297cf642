import type { RecordedChain } from '../virtqueue/attach-area.ts';
import type { Chain } from '../virtqueue/chain.ts';
import { availableBits } from '../virtqueue/packed/layout.ts';
import type { PackedDescriptor } from '../virtqueue/packed/ring-memory.ts';
import { type PackedPosition, packedPosition, positionOf, type RingPosition } from '../virtqueue/ring.ts';
import {
  beginRegion,
  type InflightHead,
  type InflightRecord,
  type InflightRules,
  inflightSizes,
  isInUse,
  type Resumption,
  type RingGlimpse,
} from './inflight-rules.ts';

/**
 * struct QueueRegionPacked: features u64, version u16, desc_num u16, free_head u16, old_free_head u16, used_idx u16,
 * old_used_idx u16, used_wrap_counter u8, old_used_wrap_counter u8, padding u8[7], then desc[], aligned to 8 bytes.
 */
const { header: headerSize, entry: entrySize } = inflightSizes.packed;
/** The state that counts, and the one that was last seen to be complete. */
const current = { freeHead: 12, usedIdx: 16, usedWrap: 20 } as const;
const old = { freeHead: 14, usedIdx: 18, usedWrap: 21 } as const;
type State = typeof current | typeof old;

/**
 * struct DescStatePacked: inflight u8, padding u8, next u16, last u16, num u16, counter u64, id u16, flags u16, len u32,
 * addr u64.
 */
const nextAt = 2;
const lastAt = 4;
const numAt = 6;
const counterAt = 8;
const idAt = 16;
const flagsAt = 18;
const lenAt = 20;
const addrAt = 24;

const marks = availableBits(0) | availableBits(1);

/**
 * The record of one packed queue. Descriptors are copied, because used ones overwrite those in the ring. A region in use
 * says where the ring goes on: a front-end cannot know it once a back-end died, as no index stands in a packed ring.
 */
export class PackedInflightRegion implements InflightRecord {
  readonly #view: DataView;
  readonly #rules: InflightRules;
  readonly #size: number;
  #counter = 0n;
  /** The head entry of each chain in flight, by the descriptors that the chain keeps. */
  readonly #heads = new WeakMap<readonly PackedDescriptor[], number>();

  constructor(view: DataView, rules: InflightRules, size: number) {
    this.#view = view;
    this.#rules = rules;
    this.#size = size;
  }

  begin(told: RingPosition, ring: RingGlimpse): Resumption {
    const position = positionOf('packed', told);
    const rules = this.#rules;
    if (!isInUse(this.#view, rules, this.#size)) return this.#beginAnew(position);
    this.#settle(ring);
    const heads = rules.resubmitted(this.#inFlight());
    if (rules.goesOnCounting) this.#counter = heads.at(-1)?.counter ?? 0n;
    const resubmitted = heads.map(({ head }) => this.#recorded(head));
    const slots = resubmitted.reduce((sum, { descriptors }) => sum + descriptors.length, 0);
    if (slots > this.#size) return this.#beginAnew(position);
    return { position: this.#positionBehind(slots), resubmitted, keepsDescriptors: true };
  }

  fetched({ kept = [] }: Chain): void {
    const view = this.#view;
    const head = this.#word(old.freeHead);
    const first = this.#entry(head);
    this.#counter = BigInt.asUintN(64, this.#rules.nextCounter(this.#counter));
    this.#setWord(first + numAt, 0);
    view.setBigUint64(first + counterAt, this.#counter, true);
    if (this.#rules.marksFetched) view.setUint8(first, 1);
    for (const descriptor of kept) {
      const { addr, len, id, flags } = this.#rules.copied(descriptor);
      const free = this.#word(current.freeHead);
      this.#setWord(first + lastAt, free);
      this.#setWord(first + numAt, this.#word(first + numAt) + 1);
      const at = this.#entry(free);
      view.setBigUint64(at + addrAt, addr, true);
      view.setUint32(at + lenAt, len, true);
      this.#setWord(at + flagsAt, flags);
      this.#setWord(at + idAt, id);
      this.#setWord(current.freeHead, this.#word(at + nextAt));
    }
    this.#setWord(old.freeHead, this.#word(current.freeHead));
    this.#heads.set(kept, head);
  }

  using(chain: Chain): void {
    const view = this.#view;
    const head = this.#headOf(chain);
    const last = this.#entry(this.#word(this.#entry(head) + lastAt));
    this.#setWord(last + nextAt, this.#word(current.freeHead));
    this.#setWord(current.freeHead, head);
    if (!this.#rules.movesUsedIdx) return;
    const { avail, availWrap } = this.#positionBehind(chain.slots);
    this.#setWord(current.usedIdx, avail);
    view.setUint8(current.usedWrap, availWrap);
  }

  used(chain: Chain): void {
    if (this.#rules.unmarksUsed) this.#view.setUint8(this.#entry(this.#headOf(chain)), 0);
    this.#copy(current, old);
  }

  /** Every chain of the ring was fetched or resubmitted by this record, which has its head since. */
  #headOf({ kept = [] }: Chain): number {
    return this.#heads.get(kept) as number;
  }

  /** A region that was never used, or that makes no sense: every entry is free. */
  #beginAnew(position: PackedPosition): Resumption {
    const view = this.#view;
    beginRegion(view, this.#rules, this.#size);
    for (let entry = 0; entry < this.#size; entry++) this.#setWord(this.#entry(entry) + nextAt, entry + 1);
    this.#setWord(current.usedIdx, position.used);
    view.setUint8(current.usedWrap, position.usedWrap);
    this.#copy(current, old);
    return { position, keepsDescriptors: true };
  }

  /**
   * Takes an update that broke off as done where the ring shows its used descriptor, and back where it does not. The lists
   * that it was about are free then, and perhaps still marked.
   */
  #settle(ring: RingGlimpse): void {
    const view = this.#view;
    const available = availableBits(view.getUint8(old.usedWrap) === 0 ? 0 : 1);
    const isShown = (ring.flags(this.#word(old.usedIdx) % this.#size) & marks) !== available;
    if (this.#rules.takesAsDone(isShown)) this.#copy(current, old);
    this.#copy(old, current);
    let free = this.#word(current.freeHead);
    for (let n = 0; n < this.#size && free < this.#size; n++) {
      view.setUint8(this.#entry(free), 0);
      free = this.#word(this.#entry(free) + nextAt);
    }
  }

  #inFlight(): InflightHead[] {
    const heads: InflightHead[] = [];
    for (let head = 0; head < this.#size; head++) {
      const counter = this.#view.getBigUint64(this.#entry(head) + counterAt, true);
      if (this.#view.getUint8(this.#entry(head)) === 1) heads.push({ head, counter });
    }
    return heads;
  }

  #recorded(head: number): RecordedChain {
    const view = this.#view;
    const count = Math.min(this.#word(this.#entry(head) + numAt), this.#size);
    const descriptors: PackedDescriptor[] = [];
    let at = this.#entry(head);
    for (let n = 0; n < count; n++) {
      descriptors.push({
        addr: view.getBigUint64(at + addrAt, true),
        len: view.getUint32(at + lenAt, true),
        id: this.#word(at + idAt),
        flags: this.#word(at + flagsAt),
      });
      at = this.#entry(this.#word(at + nextAt));
    }
    this.#heads.set(descriptors, head);
    return { id: descriptors.at(-1)?.id ?? 0, descriptors };
  }

  /** The used position that the region holds, and the available one `slots` further. */
  #positionBehind(slots: number): PackedPosition {
    const used = this.#word(current.usedIdx) % this.#size;
    const usedWrap = this.#view.getUint8(current.usedWrap) === 0 ? 0 : 1;
    const avail = used + slots;
    const isNextRound = avail >= this.#size;
    const availWrap = isNextRound === (usedWrap === 1) ? 0 : 1;
    return packedPosition(isNextRound ? avail - this.#size : avail, availWrap, used, usedWrap);
  }

  #copy(from: State, to: State): void {
    const view = this.#view;
    this.#setWord(to.freeHead, this.#word(from.freeHead));
    this.#setWord(to.usedIdx, this.#word(from.usedIdx));
    view.setUint8(to.usedWrap, view.getUint8(from.usedWrap));
  }

  #word(at: number): number {
    return this.#view.getUint16(at, true);
  }

  #setWord(at: number, word: number): void {
    this.#view.setUint16(at, word, true);
  }

  /** What stands in the memory of a region is not trusted: every number means an entry. */
  #entry(index: number): number {
    return headerSize + entrySize * (index % this.#size);
  }
}
