import type { VfioFile } from '../port/vhost-mdev-door.ts';

/** Told of every call that opening a device makes, before and after it. */
export interface OpeningCalls {
  begin(on: 'container' | 'group', request: number, argument: Uint8Array): void;
  /** `result` as calls answer. */
  end(result: number, argument: Uint8Array): void;
}

/** What carries VFIO to one device. */
export interface VfioCarrier {
  /** Bytes of a page where the device is. */
  readonly pageSize: number;
  /** Opens the device and does nothing more. `refused` says why it cannot be had. */
  open(
    calls?: OpeningCalls,
  ): { readonly kind: 'opened'; readonly file: VfioFile } | { readonly kind: 'refused'; readonly why: string };
  /**
   * Lets a device that does not see this process reach memory of ours by the user addresses that we tell. Absent where
   * user addresses are those of this process. Returns how to take it away.
   */
  lendMemory?(userAddress: bigint, bytes: Uint8Array): () => void;
  /**
   * Lets a device of this process do one step of its work, and returns whether there was any. Absent where it runs
   * by itself.
   */
  step?(): boolean;
}
