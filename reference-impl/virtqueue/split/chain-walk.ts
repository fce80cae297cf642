import type { AddressSpace } from '../../memory/addresses.ts';
import { isFailure, type MemoryMap } from '../../memory/memory-map.ts';
import { gather, type Piece } from '../../memory/pieces.ts';
import type { Chain, MalformedChain } from '../chain.ts';
import type { MalformedReason } from '../malformed.ts';
import type { RingFeatures } from '../ring.ts';
import type { SplitDeviceRules, TableView } from './device-rules.ts';
import { DESCRIPTOR_SIZE } from './layout.ts';

/** What a walk needs of the ring that it walks. */
export interface WalkedRing {
  readonly size: number;
  readonly table: DataView;
  readonly memory: MemoryMap;
  readonly bufferSpace: AddressSpace;
  readonly features: RingFeatures;
}

interface Walk {
  readonly id: number;
  readonly readable: Piece[];
  readonly writable: Piece[];
  readableLength: number;
  writableLength: number;
  descriptors: number;
  hasWritable: boolean;
}

const NO_MORE = -1;

/**
 * Follows the chain that begins at `head` (virtio 2.7.5). Each field is read once, so that a driver that changes it
 * meanwhile cannot have it judged by one value and used with another.
 */
export function walkChain(ring: WalkedRing, rules: SplitDeviceRules, head: number): Chain | MalformedChain {
  const reason = rules.acceptsHead(head, ring.size);
  if (reason !== undefined) return { kind: 'malformed', id: head, reason };
  const walk: Walk = {
    id: head,
    readable: [],
    writable: [],
    readableLength: 0,
    writableLength: 0,
    descriptors: 0,
    hasWritable: false,
  };
  const broken = walkTable(ring, rules, walk, ring.table, { entries: ring.size, isIndirect: false }, head);
  if (broken !== undefined) return { kind: 'malformed', id: head, reason: broken };
  return { kind: 'chain', ...walk, slots: 1 };
}

function walkTable(
  ring: WalkedRing,
  rules: SplitDeviceRules,
  walk: Walk,
  entries: DataView,
  table: TableView,
  first: number,
): MalformedReason | undefined {
  const limit = rules.walkLimit(ring.size);
  // A rule that accepts an index beyond the table must not reach beyond its memory.
  let index = first < table.entries ? first : NO_MORE;
  while (index !== NO_MORE) {
    const at = index * DESCRIPTOR_SIZE;
    const address = entries.getBigUint64(at, true);
    const length = entries.getUint32(at + 8, true);
    const flags = entries.getUint16(at + 12, true);
    const next = entries.getUint16(at + 14, true);
    if (rules.isIndirect(flags, ring.features)) {
      const reason = rules.acceptsIndirect(flags, table, ring.features, walk.descriptors);
      return reason ?? walkIndirect(ring, rules, walk, address, length);
    }
    walk.descriptors++;
    const reason =
      rules.acceptsChainLength(walk.descriptors, ring.size) ?? addBuffer(ring, rules, walk, address, length, flags);
    if (reason !== undefined) return reason;
    if (!rules.hasNext(flags) || walk.descriptors >= limit) return undefined;
    const outside = rules.acceptsNext(next, table);
    if (outside !== undefined) return outside;
    index = next < table.entries ? next : NO_MORE;
  }
  return undefined;
}

function walkIndirect(
  ring: WalkedRing,
  rules: SplitDeviceRules,
  walk: Walk,
  address: bigint,
  length: number,
): MalformedReason | undefined {
  const reason = rules.acceptsTableLength(length, ring.size);
  if (reason !== undefined) return reason;
  const pieces = ring.memory.translate(ring.bufferSpace, address, length, 'read');
  if (isFailure(pieces)) return `indirect-table-${pieces}`;
  const entries = Math.min(rules.tableEntries(length), Math.floor(length / DESCRIPTOR_SIZE));
  if (entries === 0) return undefined;
  return walkTable(ring, rules, walk, viewOf(pieces), { entries, isIndirect: true }, 0);
}

/** A table in one piece is read where it lies; one over several regions from a copy. */
function viewOf(pieces: readonly Piece[]): DataView {
  const [first, second] = pieces;
  if (first !== undefined && second === undefined) {
    return new DataView(first.bytes.buffer, first.bytes.byteOffset + first.offset, first.length);
  }
  return new DataView(gather(pieces).buffer);
}

function addBuffer(
  ring: WalkedRing,
  rules: SplitDeviceRules,
  walk: Walk,
  address: bigint,
  length: number,
  flags: number,
): MalformedReason | undefined {
  const writable = rules.isWritable(flags);
  const reason =
    rules.acceptsOrder(writable, walk.hasWritable) ??
    rules.acceptsLength(length) ??
    rules.acceptsTotal(walk.readableLength + walk.writableLength + length);
  if (reason !== undefined) return reason;
  walk.hasWritable ||= writable;
  const pieces = ring.memory.translate(ring.bufferSpace, address, length, writable ? 'write' : 'read');
  if (isFailure(pieces)) return rules.acceptsUnreachable(pieces);
  const misplaced = rules.acceptsPlace(pieces);
  if (misplaced !== undefined) return misplaced;
  const part = writable ? walk.writable : walk.readable;
  for (const piece of pieces) part.push(piece);
  if (writable) walk.writableLength += length;
  else walk.readableLength += length;
  return undefined;
}
