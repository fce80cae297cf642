import type { VhostEdge } from '../vhost-kernel/vhost-edge.ts';

/** What a vhost-vdpa device may ask of the world around it. */
export interface VdpaEdge extends VhostEdge {
  /** Bytes of a page: the size of a doorbell. */
  readonly pageSize: number;
}
