import type { RingPosition } from '../../drivers/port/port.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { JudgedLog } from './log-judge.ts';

/** A chain that was added. */
export interface JudgedChain {
  readonly segments: readonly Segment[];
  /** Chains of the queue that were added ahead of it. */
  readonly number: number;
  /** Descriptors of a packed ring that it takes; 1 of a split one, whose positions count chains. */
  readonly slots: number;
}

/** A queue that was attached, as it is judged. */
export interface JudgedQueue {
  readonly session: number;
  readonly ring: number;
  readonly index: number;
  /** Where its life began. */
  readonly began: RingPosition;
  /** By buffer id: its latest chain. */
  readonly chains: Map<number, JudgedChain>;
  /** The slot of a packed ring that is used next. */
  usedSlot: number;
  isKicked: boolean;
  /** The device was seen to have nothing to do, and nothing was done since. */
  isIdle: boolean;
  /** The highest counter of requests that it took over, and chains that were added up to then. */
  tookOver: { readonly counter: bigint; readonly added: number } | undefined;
  isStopped: boolean;
  /** The flags of the device about kicks were 0 when the ring was attached. */
  readonly hasCleanFlags: boolean;
  /** Where its writes are marked. */
  log: JudgedLog | undefined;
  /** Chains that were added ahead of the log. */
  unlogged: number;
  /** Chains that were added. */
  added: number;
  /** Where its used ring is marked, and from which used element on; undefined while it is not. */
  usedRingLog: { readonly address: bigint; readonly from: number } | undefined;
  /** The buffer that says what is in flight. */
  inflight: number | undefined;
  /** Id of the used element that was taken last. */
  lastId: number;
  /** Used elements that were taken. */
  taken: number;
  /** The event descriptor of a message or a call that its calls go to now. */
  callDescriptor: number | undefined;
  /** Calls that came there so far. */
  callsElsewhere: number;
}
