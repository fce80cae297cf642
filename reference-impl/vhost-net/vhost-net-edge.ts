import type { VhostEdge } from '../vhost-kernel/vhost-edge.ts';

/** What vhost-net may ask of the world around it. */
export interface VhostNetEdge extends VhostEdge {
  /** Whether the descriptor is that of a socket or of a tap, which frames pass through. */
  isNetwork(descriptor: number): boolean;
}
