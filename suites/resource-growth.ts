import type { DriverPort, IutResources } from '../drivers/port/port.ts';
import type { Check } from './check.ts';

const repetitions = 8;
const pauseMs = 2;

const nothing: IutResources = { descriptors: 0, byIdentity: {}, mappings: {} };

/**
 * Compares what the IUT holds open after 8 repeats of the body with what it held after one that warmed it up. Each repeat
 * must close what it opened on our side. The IUT may take its time to close: only what is still open at the deadline has
 * leaked, and only if it grew by one or more with each repeat.
 */
export function growsNot(port: DriverPort, check: Check, what: string, body: () => void): void {
  const held = (): IutResources => port.iut.resources() ?? nothing;
  const count = (): number => held().descriptors;
  body();
  settle(port, count);
  const before = held();
  const fewest = before.descriptors + repetitions;
  for (let n = 0; n < repetitions; n++) body();
  port.untilSettled(() => count() < fewest, port.deadlineMs);
  const after = held();
  if (after.descriptors < fewest) {
    check.holds(true, what, { expected: String(before.descriptors), actual: String(after.descriptors) });
    return;
  }
  const expected = `about ${before.descriptors} descriptors, as before the ${repetitions} repeats`;
  check.fails('leak', what, expected, `${after.descriptors}: ${growth(before, after).join(', ')}`);
}

/** What there is more of, by identity, most first. */
function growth(before: IutResources, after: IutResources): string[] {
  return Object.entries(after.byIdentity)
    .map(([identity, now]) => ({ identity, more: now - (before.byIdentity[identity] ?? 0) }))
    .filter(({ more }) => more > 0)
    .sort((a, b) => b.more - a.more)
    .map(({ identity, more }) => `${more} more of ${identity}`);
}

/** Waits until two looks in a row see the same number. */
function settle(port: DriverPort, held: () => number): void {
  let last = -1;
  for (let looks = 0; looks < 20 && held() !== last; looks++) {
    last = held();
    port.untilSettled(() => false, pauseMs);
  }
}
