import type { AddressSpace } from '../memory/addresses.ts';
import { type Access, isFailure, type MemoryMap, type Translation } from '../memory/memory-map.ts';
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

/** Most parts of a chain are one or two pieces: an array that grows would reserve room for many. */
function withPiece(part: Piece[], piece: Piece): Piece[] {
  if (part.length === 0) return [piece];
  if (part.length === 1) return [part[0] as Piece, piece];
  part.push(piece);
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
    const piece = ring.memory.pieceOf(ring.bufferSpace, high, low, length);
    if (piece !== undefined) {
      const alone = [piece];
      const misplaced = rules.acceptsPlace(alone);
      if (misplaced !== undefined) return misplaced;
      if (isWritable) this.writable = this.writable.length === 0 ? alone : withPiece(this.writable, piece);
      else this.readable = this.readable.length === 0 ? alone : withPiece(this.readable, piece);
    } else {
      const address = (BigInt(high) << 32n) | BigInt(low);
      const pieces = piecesFor(ring, rules.accesses(isWritable), address, length);
      if (isFailure(pieces)) return rules.acceptsUnreachable(pieces);
      const misplaced = rules.acceptsPlace(pieces);
      if (misplaced !== undefined) return misplaced;
      for (const one of pieces) {
        if (isWritable) this.writable = withPiece(this.writable, one);
        else this.readable = withPiece(this.readable, one);
      }
    }
    if (isWritable) this.writableLength += length;
    else this.readableLength += length;
    return undefined;
  }
}

/** Of a range that is accessed in several ways, the first failure. */
function piecesFor(
  { memory, bufferSpace }: WalkedRing,
  accesses: readonly Access[],
  address: bigint,
  length: number,
): Translation {
  const translations = accesses.map((access) => memory.translate(bufferSpace, address, length, access));
  return translations.find(isFailure) ?? translations[0] ?? [];
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
