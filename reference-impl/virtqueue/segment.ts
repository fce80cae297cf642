import type { Addresses } from '../memory/addresses.ts';

/** One buffer of a chain, as the driver side adds it. What address travels is the driver's to choose. */
export interface Segment extends Addresses {
  readonly length: number;
  /** For the device: VIRTQ_DESC_F_WRITE. */
  readonly writable: boolean;
}

type Buffer = Addresses & { readonly length: number };

const segment = (of: Buffer, writable: boolean): Segment => ({
  guestAddress: of.guestAddress,
  userAddress: of.userAddress,
  ioVirtualAddress: of.ioVirtualAddress,
  length: of.length,
  writable,
});

/** A span as a segment that the device reads. */
export const readable = (of: Buffer): Segment => segment(of, false);
/** A span as a segment that the device writes. */
export const writable = (of: Buffer): Segment => segment(of, true);
