import type { AddressSpace } from '../memory/addresses.ts';
import { isFailure, type MemoryMap } from '../memory/memory-map.ts';
import { gather, type Piece } from '../memory/pieces.ts';
import type { BufferRules } from './buffer-rules.ts';
import type { Chain } from './chain.ts';
import type { MalformedReason } from './malformed.ts';
import type { PackedDescriptor } from './packed/ring-memory.ts';
import type { RingFeatures } from './ring.ts';

/** What a walk needs of the ring that it walks. */
export interface WalkedRing {
  readonly size: number;
  readonly memory: MemoryMap;
  readonly bufferSpace: AddressSpace;
  readonly features: RingFeatures;
}

/** Of a part that has no buffer yet: no chain pushes to it. */
const noPieces: Piece[] = [];

/** A part of a chain with more pieces, which are the part's own from now on: most parts have those of one buffer. */
function joined(part: Piece[], pieces: Piece[]): Piece[] {
  if (part.length === 0) return pieces;
  part.push(...pieces);
  return part;
}

/** A chain as far as a walk has followed it; the walk sets `id` and `slots` when it ends. */
export class WalkedChain implements Chain {
  readonly kind = 'chain';
  id = 0;
  slots = 1;
  readable = noPieces;
  writable = noPieces;
  readableLength = 0;
  writableLength = 0;
  descriptors = 0;
  isIndirect = false;
  isResubmitted = false;
  hasWritable = false;
  kept: readonly PackedDescriptor[] | undefined;

  /** Appends the buffer of one descriptor, whose address is given in two halves. */
  addBuffer(
    ring: WalkedRing,
    rules: BufferRules,
    high: number,
    low: number,
    length: number,
    flags: number,
  ): MalformedReason | undefined {
    this.descriptors++;
    const isWritable = rules.isWritable(flags);
    const reason =
      rules.acceptsChainLength(this.descriptors, ring.size) ??
      rules.acceptsOrder(isWritable, this.hasWritable) ??
      rules.acceptsLength(length) ??
      rules.acceptsTotal(this.readableLength + this.writableLength + length);
    if (reason !== undefined) return reason;
    this.hasWritable ||= isWritable;
    const pieces = rules.reaches(ring.memory, ring.bufferSpace, high, low, length, isWritable);
    if (isFailure(pieces)) return rules.acceptsUnreachable(pieces);
    const misplaced = rules.acceptsPlace(pieces);
    if (misplaced !== undefined) return misplaced;
    if (isWritable) {
      this.writable = joined(this.writable, pieces);
      this.writableLength += length;
    } else {
      this.readable = joined(this.readable, pieces);
      this.readableLength += length;
    }
    return undefined;
  }
}

export interface IndirectTable {
  readonly view: DataView;
  readonly entries: number;
}

/** The table that a descriptor refers to, as it is now. */
export function openTable(
  ring: WalkedRing,
  rules: BufferRules,
  high: number,
  low: number,
  length: number,
): IndirectTable | MalformedReason {
  const reason = rules.acceptsTableLength(length, ring.size);
  if (reason !== undefined) return reason;
  const pieces = ring.memory.translateHalves(ring.bufferSpace, high, low, length, 'read');
  if (isFailure(pieces)) return `indirect-table-${pieces}`;
  return { view: new DataView(gather(pieces).buffer), entries: rules.tableEntries(length) };
}
