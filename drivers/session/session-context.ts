import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { IutExit } from '../port/port.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import type { TrafficObserver } from '../port/traffic.ts';
import type { PortOracle } from './oracle.ts';
import type { Waiting } from './waiting.ts';

/** What a session needs of the port that made it. */
export interface SessionContext {
  readonly log: EventLog;
  readonly waiting: Waiting;
  readonly oracle: PortOracle;
  readonly facts: TargetFacts;
  /** Deadline of calls that are given none, in milliseconds. */
  readonly deadlineMs: number;
  /** How the IUT's process ended, as far as a wait has noticed. */
  exit(): IutExit | undefined;
  /** The same after a connection closed: waits for the end of a process that is about to. */
  exitAfterClose(): IutExit | undefined;
  /** Told of what passes from now on, while there is one. */
  readonly traffic?: TrafficObserver | undefined;
  /** Our side is about to close a connection that the IUT did not close. */
  closing?(): void;
  /** It was seen to close a connection at once that came while another was open. */
  readonly turnsOthersAway?: boolean;
  /** Takes over descriptors that were received. False where they are too many, and closed. */
  adopt(descriptors: readonly number[]): boolean;
}
