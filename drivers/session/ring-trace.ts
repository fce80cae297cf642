/** Writes into the log what our side puts into a ring and what it finds used there, as the bytes are. */
export interface RingTrace {
  /** The chain that was added last. */
  chain(id: number): void;
  /** What makes the chains available that were added, where the layout has a place for it. */
  published(): void;
  /** The used element that was taken last. */
  used(): void;
  /** Before chains are added: what asks the device for calls, where it changed since this was last looked at. */
  suppression(): void;
}
