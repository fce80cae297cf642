import type { Piece } from '../memory/pieces.ts';
import type { Chain } from '../virtqueue/chain.ts';

/** When a queue may be worked on: entries that a fault may replace. */
export interface QueueRules {
  /** What a device offers, given its own features and those of its queues. */
  readonly offered: (features: bigint) => bigint;
  /** Whether a ring that holds chains is looked into. */
  readonly mayProcess: (state: QueueSituation) => boolean;
  /** The queue that is looked at first, given the one behind that which was served last. */
  readonly firstTurn: (behind: number) => number;
  /** Whether a malformed chain ends the work on its queue. */
  readonly breaksOnMalformed: () => boolean;
  /** Whether kicks are turned off while the queue is worked on. */
  readonly suppressesKicksWhileAwake: () => boolean;
  /** Whether the driver is told that kicks are wanted once the ring was found empty; `starts` counts starts of the queue. */
  readonly asksForKicks: (queue: number, starts: number, eventIdx: boolean) => boolean;
  /** Whether a queue that found its ring empty so often asks for kicks and sleeps, with no look in between. */
  readonly sleepsBeforeLook: (emptyLooks: number, eventIdx: boolean) => boolean;
  /** Whether a queue that finds its ring empty waits for another look. Else it asks for kicks, and looks once more. */
  readonly staysAwake: (eventIdx: boolean) => boolean;
  /** Whether a kick counts; one for a disabled queue is worked on once that is enabled. */
  readonly hearsKick: (isEnabled: boolean) => boolean;
  /** Whether a queue lives on after a kick, with so many chains that wait for it; undefined where no ring runs. */
  readonly survivesKick: (pending: () => number | undefined) => boolean;
  /** Calls signalled where one is due, and where none is, for use number `uses` of the start number `starts`. */
  readonly calls: (due: boolean, uses: number, starts: number, eventIdx: boolean) => number;
  /** What a dirty log is told of, of the pieces that were written of a chain on a queue. */
  readonly logged: (pieces: readonly Piece[], chain: Chain, queue: number) => readonly Piece[];
  /** The queue whose call is signalled. */
  readonly callQueue: (queue: number, starts: number) => number;
}

export interface QueueSituation {
  readonly index: number;
  /** The device as a whole was started. */
  readonly isRunning: boolean;
  readonly isStarted: boolean;
  readonly isEnabled: boolean;
  /** Its chains can be used without side effects, as a disabled transmit queue does. */
  readonly canDiscard: boolean;
  /** Undefined of a queue that was never started. */
  readonly isKicked: boolean | undefined;
  readonly isBroken: boolean;
}

export const queueRules: QueueRules = {
  offered: (features) => features,
  mayProcess: ({ isRunning, isStarted, isEnabled, canDiscard, isKicked, isBroken }) =>
    isRunning && isStarted && (isEnabled || canDiscard) && isKicked === true && !isBroken,
  firstTurn: (behind) => behind,
  breaksOnMalformed: () => true,
  suppressesKicksWhileAwake: () => true,
  asksForKicks: () => true,
  sleepsBeforeLook: () => false,
  staysAwake: () => false,
  hearsKick: () => true,
  survivesKick: () => true,
  calls: (due) => (due ? 1 : 0),
  logged: (pieces) => pieces,
  callQueue: (queue) => queue,
};
