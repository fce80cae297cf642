import {
  DeadlineError,
  type DriverPort,
  DriverUsageError,
  IutGoneError,
  PeerProtocolError,
  UnansweredError,
} from '../drivers/port/port.ts';
import { exitText, type Failure } from './failure.ts';
import { replyAnomaly } from './reply-anomaly.ts';

/** The failure that an error stands for: of a driver, or of what read an answer that is none. Undefined for an error of ours. */
export function thrownFailure(error: unknown, port: DriverPort, traceEvent: number): Failure | undefined {
  const exit = port.iut.exit();
  if (error instanceof IutGoneError || (exit !== undefined && !(error instanceof DriverUsageError))) {
    const crash = { how: 'crash', what: messageOf(error), expected: 'the process lives on', traceEvent } as const;
    return exit === undefined ? { ...crash, actual: String(error) } : { ...crash, actual: exitText(exit), exit };
  }
  if (error instanceof PeerProtocolError) {
    return {
      how: 'wrong',
      what: error.message,
      expected: 'the exchange goes on',
      actual: 'the peer ended it or broke the protocol',
      traceEvent,
    };
  }
  if (error instanceof DeadlineError) {
    return {
      how: 'stalled',
      what: error.message,
      expected: 'it comes in time',
      actual: nothingWithin(port.deadlineMs),
      traceEvent,
      silent: true,
      ...(error instanceof UnansweredError ? { unanswered: true } : {}),
    };
  }
  const anomaly = replyAnomaly(port.log.events());
  if (anomaly === undefined) return undefined;
  // Ours has read what no IUT may send: that is what is to be told.
  return { how: 'wrong', what: anomaly, expected: 'an answer of its form', actual: messageOf(error), traceEvent };
}

/** What is said of an answer that did not come. */
export function nothingWithin(ms: number): string {
  return `nothing within ${Math.round(ms)} ms`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
