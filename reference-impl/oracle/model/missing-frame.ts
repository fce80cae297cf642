import type { RequirementSlug } from '../../catalogue/catalogue.ts';

/** A frame that was sent. */
export interface SentFrame {
  /** Its place among all chains, in the order in which they were added. */
  readonly number: number;
  /** Bytes that it takes in receive buffers. */
  readonly bytes: number;
  /** Its receive queue. */
  readonly queue: number;
  readonly isMergeable: boolean;
  mayBeLost: boolean;
  isSent: boolean;
  /** It may come on any receive queue. */
  isAnywhere: boolean;
  /** As it comes back, with the features that a filter of the device goes by. */
  readonly frame: Uint8Array;
  readonly features: bigint;
  /** Why it comes. */
  requirement: RequirementSlug;
}

/** A receive buffer that was not used. */
export interface LentBuffer {
  /** The place, among all chains, of the next one behind the kick for it. */
  number: number;
  readonly room: number;
}

/**
 * The first frame that buffers were there for, and that did not come; undefined where none is owed. A frame that finds no
 * buffers may keep those behind it waiting, unless it is larger than the whole ring.
 * @param missing in the order in which they were sent.
 */
export function missingFrame(
  missing: readonly SentFrame[],
  lent: readonly LentBuffer[],
  isFull: boolean,
): SentFrame | undefined {
  const left = [...lent];
  const largest = isFull ? lent.reduce((sum, { room }) => sum + room, 0) : Number.POSITIVE_INFINITY;
  for (const frame of missing) {
    const { number, bytes, isMergeable, mayBeLost, isSent } = frame;
    if (mayBeLost || !isSent) return undefined;
    if (bytes > largest && isMergeable) continue;
    let room = 0;
    for (let taken = 0; room < bytes && (isMergeable || taken === 0); taken++) {
      const buffer = left.shift();
      if (buffer === undefined || buffer.number >= number) return undefined;
      room += buffer.room;
    }
    return room < bytes ? undefined : frame;
  }
  return undefined;
}
