import type { WaitSource } from '../session/wait-set.ts';

/** What frames of vhost-net pass through: a tap, or what stands for one; and behind it a station that sends all back. */
export interface NetworkQueue extends WaitSource {
  /** What a ring gets for its backend. */
  readonly fd: number;
  /** Bytes of the header ahead of each frame that passes. */
  setHeaderSize(bytes: number): void;
  /** Takes away what an earlier session left on its way. No device may have the queue. */
  drain(): void;
  close(): void;
}
