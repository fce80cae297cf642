/** Writes into the log what our side puts into a ring and what it finds used there, as the bytes are. */
export interface RingTrace {
  /** The chain that was added last. */
  chain(id: number): void;
  /** What makes the chains available that were added, where the layout has a place for it. */
  published(): void;
  /** The used element that was taken last. */
  used(): void;
  /**
   * Before chains are added, and before a kick: what asks the device for calls, where it changed since this was last looked
   * at, and what a case stored by hand, as it is now.
   */
  suppression(): void;
}

/** Descriptors and heads of a split ring that are written into the log for what was stored by hand ahead of one kick. */
export const mostByHand = 256;

/** Stands in the log ahead of what was stored by hand. */
export const storedByHand = (index: number): string =>
  `ring ${index}: stored by hand, as it is at this moment; what a case changes behind it is not in the trace`;
