/** Told of what passes between a port and its IUT, in order. Sessions have the numbers of the event log. */
export interface TrafficObserver {
  opened(session: number): void;
  /** Bytes are about to be sent. They are valid during the call; the descriptors travel with the first of them. */
  sending(session: number, bytes: Uint8Array, descriptors: readonly number[]): void;
  received(session: number, length: number): void;
  /** We end our sending direction, or the whole connection. */
  shuttingDown(session: number, how: 'write' | 'both'): void;
  /** We closed the connection. What closes it from the other end is no event: what is sent then gets nowhere. */
  closing(session: number): void;
  /** The device is about to be notified through this eventfd. */
  kicking(eventfd: number): void;
}
