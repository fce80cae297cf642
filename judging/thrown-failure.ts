import {
  DeadlineError,
  type DriverPort,
  DriverUsageError,
  IutGoneError,
  PeerProtocolError,
} from '../drivers/port/port.ts';
import { exitText, type Failure } from './failure.ts';

/** The failure that an error of a driver stands for; undefined for an error of ours. */
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
    };
  }
  return undefined;
}

/** What is said of an answer that did not come. */
export function nothingWithin(ms: number): string {
  return `nothing within ${Math.round(ms)} ms`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
