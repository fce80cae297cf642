import type { DriverPort } from '../drivers/port/port.ts';
import type { Check } from './check.ts';

const repetitions = 8;
const pauseMs = 2;

/**
 * Rule 4: what the IUT holds open after 8 repeats of the body, against what it held after one that warmed it up. Each
 * repeat must close what it opened on our side. The IUT may take its time to close: only what is still there at the
 * deadline has leaked, and only if it grew by one or more each time.
 */
export function growsNot(port: DriverPort, check: Check, what: string, body: () => void): void {
  const held = (): number => port.iut.resources()?.descriptors ?? 0;
  body();
  settle(port, held);
  const before = held();
  for (let n = 0; n < repetitions; n++) body();
  port.untilSettled(() => held() < before + repetitions, port.deadlineMs);
  const after = held();
  if (after < before + repetitions) check.holds(true, what, { expected: String(before), actual: String(after) });
  else check.fails('leak', what, `about ${before} descriptors, as before the ${repetitions} repeats`, `${after}`);
}

/** Waits until two looks in a row see the same number. */
function settle(port: DriverPort, held: () => number): void {
  let last = -1;
  for (let looks = 0; looks < 20 && held() !== last; looks++) {
    last = held();
    port.untilSettled(() => false, pauseMs);
  }
}
