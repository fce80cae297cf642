import type { Chain, MalformedChain } from '../chain.ts';
import { openTable, WalkedChain, type WalkedRing } from '../chain-walk.ts';
import { DESCRIPTOR_SIZE } from '../descriptor.ts';
import type { MalformedReason } from '../malformed.ts';
import type { SplitDeviceRules, TableView } from './device-rules.ts';

/** The ring, and its descriptor table. */
export interface WalkedSplitRing extends WalkedRing {
  readonly table: DataView;
  readonly isBigEndian: boolean;
}

/**
 * Follows the chain that begins at `head` (virtio 2.7.5). Each field is read once, so that a driver that changes it
 * meanwhile cannot have it judged by one value and used with another.
 */
export function walkChain(
  ring: WalkedSplitRing,
  rules: SplitDeviceRules,
  head: number,
  isResubmitted: boolean,
): Chain | MalformedChain {
  const reason = rules.acceptsHead(head, ring.size);
  if (reason !== undefined) return { kind: 'malformed', id: head, reason };
  const walk = new WalkedChain();
  const broken = walkTable(ring, rules, walk, ring.table, { entries: ring.size, isIndirect: false }, head);
  if (broken !== undefined) return { kind: 'malformed', id: head, reason: broken };
  walk.id = head;
  walk.isResubmitted = isResubmitted;
  return walk;
}

function walkTable(
  ring: WalkedSplitRing,
  rules: SplitDeviceRules,
  walk: WalkedChain,
  entries: DataView,
  table: TableView,
  first: number,
): MalformedReason | undefined {
  const isLittle = !ring.isBigEndian;
  const lowAt = isLittle ? 0 : 4;
  // A rule that accepts an index beyond the table must not reach beyond its memory.
  for (let index = first % table.entries; ; ) {
    const at = index * DESCRIPTOR_SIZE;
    const low = entries.getUint32(at + lowAt, isLittle);
    const high = entries.getUint32(at + 4 - lowAt, isLittle);
    const length = entries.getUint32(at + 8, isLittle);
    const flags = entries.getUint16(at + 12, isLittle);
    const next = entries.getUint16(at + 14, isLittle);
    if (rules.isIndirect(flags, ring.features)) {
      const reason = rules.acceptsIndirect(flags, table, ring.features, walk.descriptors);
      return reason ?? walkIndirect(ring, rules, walk, high, low, length);
    }
    const reason = walk.addBuffer(ring, rules, high, low, length, flags);
    if (reason !== undefined) return reason;
    if (!rules.hasNext(flags, walk.descriptors)) return undefined;
    const outside = rules.acceptsNext(next, table);
    if (outside !== undefined) return outside;
    index = next % table.entries;
  }
}

function walkIndirect(
  ring: WalkedSplitRing,
  rules: SplitDeviceRules,
  walk: WalkedChain,
  high: number,
  low: number,
  length: number,
): MalformedReason | undefined {
  walk.isIndirect = true;
  const table = openTable(ring, rules, high, low, length);
  if (typeof table !== 'object') return table;
  return walkTable(ring, rules, walk, table.view, { entries: table.entries, isIndirect: true }, 0);
}
