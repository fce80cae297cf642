import type { VdpaFile } from '../port/vhost-vdpa-door.ts';

/** What opens a vhost-vdpa device. */
export interface VdpaCarrier {
  readonly pageSize: number;
  open(): { readonly kind: 'opened'; readonly file: VdpaFile } | { readonly kind: 'refused'; readonly why: string };
  /** Lets a device that does not see this process reach memory by its user address. Returns how to take it away. */
  lendMemory?(userAddress: bigint, bytes: Uint8Array): () => void;
  /** For a device of this process: lets it do one thing. False when it has nothing to do. */
  step?(): boolean;
}
