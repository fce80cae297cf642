import type { SessionObserver } from '../../reference-impl/vhost-user/session-observer.ts';

/** Watches one connection of the reference from its first byte to its end. */
export interface ConnectionObserver extends SessionObserver {
  /** Called again and again while the connection is open. */
  look(nowMs: number): void;
  /** The connection ended, and all that it held is given back. */
  ended(): void;
}
