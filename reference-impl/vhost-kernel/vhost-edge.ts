/** An event descriptor as the device holds it: a name that only the edge can use. */
export type EventToken = number;

/** What a vhost device file may ask of the world around it. Nothing here throws for what a user can cause. */
export interface VhostEdge {
  /** Takes hold of the event descriptor that a user named; undefined where it is none. */
  holdEvent(descriptor: number): EventToken | undefined;
  /** Without one it has no effect. */
  releaseEvent(token: EventToken | undefined): void;
  /** Adds one to the event's count. */
  signal(token: EventToken): void;
  /** Whether the event was signalled since the last look. */
  takeSignal(token: EventToken): boolean;
  /** The user's own memory from this user address on; undefined where some of it is not there. */
  userMemory(userAddress: bigint, size: bigint): Uint8Array | undefined;
}
