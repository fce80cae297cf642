import type { Piece } from '../memory/pieces.ts';
import type { MalformedReason } from './malformed.ts';
import type { PackedDescriptor } from './packed/ring-memory.ts';

/** A chain that a driver made available, as the device side found it. */
export interface Chain {
  readonly kind: 'chain';
  /** The buffer id; on a split ring the index of the chain's head. */
  readonly id: number;
  /** The memory of the device-readable part in order, then that of the writable part. */
  readonly readable: readonly Piece[];
  readonly writable: readonly Piece[];
  readonly readableLength: number;
  readonly writableLength: number;
  /** Descriptors of the chain, in and out of an indirect table, the one that refers to the table not counted. */
  readonly descriptors: number;
  /** Its buffers, or some of them, stand in an indirect table. */
  readonly isIndirect: boolean;
  /** Places of the ring that it takes: split 1 (in the available ring), packed its descriptors in the ring. */
  readonly slots: number;
  /** It was in flight when the device side began, and is carried out again. */
  readonly isResubmitted: boolean;
  /** The descriptors in the ring as they were read, where the ring keeps them. */
  readonly kept?: readonly PackedDescriptor[] | undefined;
}

export interface MalformedChain {
  readonly kind: 'malformed';
  /** Undefined where no id could be read. */
  readonly id: number | undefined;
  readonly reason: MalformedReason;
}

export interface EmptyRing {
  readonly kind: 'empty';
}

export const EMPTY_RING: EmptyRing = { kind: 'empty' };

/** A chain that was carried out. */
export interface Completion {
  readonly chain: Chain;
  /** Bytes written into the writable part, from its start. */
  readonly written: number;
}
