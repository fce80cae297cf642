import type { Handled } from './handled.ts';
import type { IncomingMessage } from './incoming-message.ts';
import type { OutgoingMessage } from './reply-rules.ts';

/** Told of what goes on in a session. It changes nothing. */
export interface SessionObserver {
  /** A message came, and nothing was done with it yet. */
  received(message: IncomingMessage): void;
  /** What became of it. */
  handled(message: IncomingMessage, handled: Handled): void;
  /** A reply or an acknowledgement goes out. */
  sent(message: OutgoingMessage): void;
  /** A kick came for a ring, on its descriptor or in band; the device has not heard of it. */
  kicked(ring: number): void;
}
