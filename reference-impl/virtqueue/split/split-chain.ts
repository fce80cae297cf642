import type { Piece } from '../../memory/pieces.ts';

/** A chain that a driver made available, as the device side found it. */
export interface SplitChain {
  readonly kind: 'chain';
  readonly head: number;
  /** The memory of the device-readable part in order, then that of the writable part. */
  readonly readable: readonly Piece[];
  readonly writable: readonly Piece[];
  readonly readableLength: number;
  readonly writableLength: number;
  /** Descriptors of the chain, in and out of an indirect table, the one that refers to the table not counted. */
  readonly descriptors: number;
}
