import type { Chain, MalformedChain } from '../chain.ts';
import { openTable, WalkedChain, type WalkedRing } from '../chain-walk.ts';
import { DESCRIPTOR_SIZE } from '../descriptor.ts';
import type { MalformedReason } from '../malformed.ts';
import type { PackedDeviceRules } from './device-rules.ts';
import { FLAGS_OFFSET, ID_OFFSET, ID_WORD, LEN_OFFSET, LEN_WORD, WORDS } from './layout.ts';
import type { PackedDescriptor, PackedRing } from './ring-memory.ts';

/**
 * Follows the chain that begins at `slot` with a descriptor whose flags were read as `firstFlags` (virtio 2.8.5 to
 * 2.8.7). Each field is read once, so that a driver that changes it meanwhile cannot have it judged by one value and
 * used with another.
 */
export function walkPackedChain(
  walked: WalkedRing,
  ring: PackedRing,
  rules: PackedDeviceRules,
  slot: number,
  wrap: 0 | 1,
  firstFlags: number,
  kept?: PackedDescriptor[],
): Chain | MalformedChain {
  const walk = new WalkedChain();
  const { words } = ring;
  const firstId = ring.id(slot);
  let at = slot;
  let round = wrap;
  let flags = firstFlags;
  let id = firstId;
  for (let slots = 1; ; slots++) {
    // A slot beyond the ring, where a rule leads there, reads as 0.
    const word = at * WORDS;
    const low = words[word] ?? 0;
    const high = words[word + 1] ?? 0;
    const len = words[word + LEN_WORD] ?? 0;
    kept?.push({ addr: (BigInt(high) << 32n) | BigInt(low), len, id, flags });
    const reason = addDescriptor(walked, rules, walk, high, low, len, flags);
    if (reason !== undefined) return { kind: 'malformed', id, reason };
    if (!rules.hasNext(flags, slots)) {
      return ended(walked, rules, walk, rules.chainId(firstId, id), slots, kept);
    }
    if (++at >= rules.roundLength(walked.size)) {
      at = 0;
      round = rules.nextWrap(round);
    }
    const last = words[at * WORDS + ID_WORD] ?? 0;
    id = last & 0xffff;
    flags = last >>> 16;
    const unavailable = rules.acceptsChained(flags, round, at);
    if (unavailable !== undefined) return { kind: 'malformed', id, reason: unavailable };
  }
}

/** The chain that recorded descriptors make, as when they were read from the ring. */
export function walkRecorded(
  walked: WalkedRing,
  rules: PackedDeviceRules,
  id: number,
  descriptors: readonly PackedDescriptor[],
): Chain | MalformedChain {
  const walk = new WalkedChain();
  for (const { addr, len, flags } of descriptors) {
    const high = Number(addr >> 32n);
    const reason = addDescriptor(walked, rules, walk, high, Number(addr & 0xffff_ffffn), len, flags);
    if (reason !== undefined) return { kind: 'malformed', id, reason };
  }
  walk.isResubmitted = true;
  return ended(walked, rules, walk, id, descriptors.length, descriptors);
}

function ended(
  walked: WalkedRing,
  rules: PackedDeviceRules,
  walk: WalkedChain,
  id: number,
  slots: number,
  kept?: readonly PackedDescriptor[],
): Chain | MalformedChain {
  const reason = rules.acceptsId(id, walked.size);
  if (reason !== undefined) return { kind: 'malformed', id, reason };
  rules.arrangeReadable(walk.readable);
  walk.id = id;
  walk.slots = slots;
  walk.kept = kept;
  return walk;
}

function addDescriptor(
  walked: WalkedRing,
  rules: PackedDeviceRules,
  walk: WalkedChain,
  high: number,
  low: number,
  length: number,
  flags: number,
): MalformedReason | undefined {
  if (!rules.isIndirect(flags, walked.features)) return walk.addBuffer(walked, rules, high, low, length, flags);
  return (
    rules.acceptsIndirect(flags, walked.features, walk.descriptors) ?? addTable(walked, rules, walk, high, low, length)
  );
}

/** Entries of a table follow one another; NEXT, INDIRECT and the id mean nothing there (virtio 2.8.7). */
function addTable(
  walked: WalkedRing,
  rules: PackedDeviceRules,
  walk: WalkedChain,
  high: number,
  low: number,
  length: number,
): MalformedReason | undefined {
  walk.isIndirect = true;
  const table = openTable(walked, rules, high, low, length);
  if (typeof table !== 'object') return table;
  const { view, entries } = table;
  for (let at = 0; at < entries * DESCRIPTOR_SIZE; at += DESCRIPTOR_SIZE) {
    const flags = rules.flagsInTable(view.getUint16(at + FLAGS_OFFSET, true), view.getUint16(at + ID_OFFSET, true));
    const lowHalf = view.getUint32(at, true);
    const highHalf = view.getUint32(at + 4, true);
    const reason = walk.addBuffer(walked, rules, highHalf, lowHalf, view.getUint32(at + LEN_OFFSET, true), flags);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
