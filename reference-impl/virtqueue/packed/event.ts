import { eventFlags, eventSlot, eventWrap, RING_EVENT_FLAGS_DESC, RING_EVENT_FLAGS_DISABLE } from './layout.ts';

/**
 * Whether a move of `moved` slots, up to `slot` in the round of `wrap`, passed the descriptor that an event suppression
 * structure names (virtio 2.8.10). An event of the other round lies a whole ring further back.
 */
export function passesDescriptor(word: number, slot: number, wrap: 0 | 1, moved: number, size: number): boolean {
  if (moved > size) return true;
  const distance = slot - eventSlot(word) + (eventWrap(word) === wrap ? 0 : size);
  return distance > 0 && distance <= moved;
}

/** Whether the other side wants a notification for such a move. The reserved value 3 is read as enabled. */
export function wantsNotification(
  word: number,
  eventIdx: boolean,
  slot: number,
  wrap: 0 | 1,
  moved: number,
  size: number,
): boolean {
  if (moved === 0) return false;
  const flags = eventFlags(word);
  if (flags === RING_EVENT_FLAGS_DISABLE) return false;
  return flags === RING_EVENT_FLAGS_DESC && eventIdx ? passesDescriptor(word, slot, wrap, moved, size) : true;
}
