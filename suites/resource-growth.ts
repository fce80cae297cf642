import type { DriverPort, IutResources } from '../drivers/port/port.ts';
import { seenWithinMs } from '../judging/deadline.ts';
import type { Check } from './check.ts';

const repetitions = 8;
const pauseMs = 2;
/** Windows of repeats until growth that may be hidden is taken for none. */
const mostWindowsInDoubt = 3;

const nothing: IutResources = { descriptors: 0, byIdentity: {}, mappings: {} };

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

/** What is counted: descriptors that are open, and memory files that are mapped. */
const counted = [
  { unit: 'descriptors', of: (held: IutResources) => held.descriptors, names: (held: IutResources) => held.byIdentity },
  { unit: 'mappings', of: (held: IutResources) => sum(held.mappings), names: (held: IutResources) => held.mappings },
] as const;

/** Checks for which the whole deadline has passed. An IUT that has closed nothing by then does not close late. */
const waitedInVain = new WeakSet<Check>();

/** The least that was held behind bodies that leave nothing, as `counted`, and by which process. */
interface Floor {
  readonly generation: number;
  readonly least: readonly number[];
}

const floors = new WeakMap<Check, Floor>();
/** Repeats behind a warm-up that are enough where no more is held than the floor. */
const repetitionsToFloor = 2;

/** How long to wait, in ms, for what the IUT still holds. */
function patienceMs(port: DriverPort, check: Check): number {
  return waitedInVain.has(check) ? port.deadlineMs / 10 : port.deadlineMs;
}

/**
 * Compares what the IUT holds open and mapped after 8 repeats of the body with what it held after one that warmed it up.
 * Each repeat must close what it opened on our side. The IUT may take its time to close: only what is still held at the
 * deadline has leaked, and only if it grew by one or more with each repeat. Behind a leak, a tenth of the deadline is
 * enough for the further points of the case. Where the same process was seen to hold so little before, two repeats tell.
 */
export function growsNot(port: DriverPort, check: Check, what: string, body: () => void): void {
  const held = (): IutResources => port.iut.resources() ?? nothing;
  if (isAtFloor(port, check, what, held, body)) return;
  body();
  settle(port, () => held().descriptors);
  let before = held();
  for (let window = 1; ; window++) {
    const { after, least } = repeated(port, check, before, held, body);
    const leaked = counted.filter(({ of }) => of(after) >= of(before) + repetitions);
    if (leaked.length === 0 && window < mostWindowsInDoubt && isInDoubt(before, after, least)) {
      before = settledFor(port, held);
      continue;
    }
    const { generation } = port.iut;
    if (leaked.length > 0) waitedInVain.add(check);
    else if (generation !== undefined) floors.set(check, { generation, least });
    if (leaked.length === 0)
      check.holds(true, what, { expected: String(before.descriptors), actual: String(after.descriptors) });
    for (const { unit, of, names } of leaked) {
      const expected = `about ${of(before)} ${unit}, as before the ${repetitions} repeats`;
      check.fails('leak', what, expected, `${of(after)}: ${growth(names(before), names(after)).join(', ')}`);
    }
    return;
  }
}

/**
 * Whether no more is held behind few repeats than was before: what leaks with each of them cannot be back at the least that
 * was ever seen. Says so as a claim that holds; else nothing is known.
 */
function isAtFloor(port: DriverPort, check: Check, what: string, held: () => IutResources, body: () => void): boolean {
  const floor = floors.get(check);
  if (floor === undefined || floor.generation !== port.iut.generation) return false;
  for (let n = 0; n <= repetitionsToFloor; n++) body();
  let now = held();
  const isDown = (): boolean => counted.every(({ of }, at) => of(now) <= (floor.least[at] ?? 0));
  const looked = (): boolean => {
    now = held();
    return isDown();
  };
  if (!isDown() && port.untilSettled(looked, seenWithinMs(port)) !== 'true') return false;
  if (floor.generation !== port.iut.generation || !port.iut.isAlive()) return false;
  floors.set(check, { ...floor, least: counted.map(({ of }) => of(now)) });
  check.holds(true, what, { expected: floor.least.join(' and '), actual: String(now.descriptors) });
  return true;
}

/** What is held behind 8 repeats, given time to close, and the least that was held meanwhile, as `counted`. */
function repeated(
  port: DriverPort,
  check: Check,
  before: IutResources,
  held: () => IutResources,
  body: () => void,
): { after: IutResources; least: readonly number[] } {
  let least: readonly number[] = counted.map(() => Number.POSITIVE_INFINITY);
  const looked = (): IutResources => {
    const now = held();
    least = counted.map(({ of }, at) => Math.min(least[at] ?? 0, of(now)));
    return now;
  };
  for (let n = 0; n < repetitions; n++) {
    body();
    looked();
  }
  const hasGrown = (): boolean => {
    const now = looked();
    return counted.some(({ of }) => of(now) >= of(before) + repetitions);
  };
  port.untilSettled(() => !hasGrown(), patienceMs(port, check));
  return { after: looked(), least };
}

/** What the IUT still held of an earlier body when it was looked at before hides growth: then it fell, or grew by less. */
function isInDoubt(before: IutResources, after: IutResources, least: readonly number[]): boolean {
  return counted.some(({ of }, at) => of(after) > of(before) || (least[at] ?? 0) < of(before));
}

/** What is held once it has not changed for as long as a slow transfer takes. */
function settledFor(port: DriverPort, held: () => IutResources): IutResources {
  let last = held();
  const isOther = (): boolean => {
    const now = held();
    const differs = counted.some(({ of }) => of(now) !== of(last));
    last = now;
    return differs;
  };
  for (let looks = 0; looks < 20 && port.untilSettled(isOther, seenWithinMs(port)) === 'true'; looks++);
  return last;
}

const batchesOfWindow = 8;
/** What a process held behind the last body whose memory did not grow. */
const levels = new WeakMap<Check, { readonly generation: number; readonly memory: number }>();
const mostWindows = 24;
/** Less behind a window is no leak: allocators take memory in steps, and a garbage collector some of what it frees later. */
const leastBytesOfWindow = 1024 * 1024;
/** More than pools and the young objects of a garbage collector take. */
const surelyLeaked = 64 * 1024 * 1024;

/**
 * Watches the memory of the IUT while the body, which does one thing a hundred times or more, is repeated in windows of 8.
 * Memory has leaked where each of 24 windows in a row took 1 MiB or more, or all of them 64 MiB. The first that does not
 * ends it: what was taken up to then is pools that fill, or garbage that is not collected yet.
 */
export function memoryGrowsNot(port: DriverPort, check: Check, what: string, body: () => void): void {
  const held = (): number => port.iut.resources()?.memory ?? 0;
  const repeated = (): number => {
    for (let n = 0; n < batchesOfWindow; n++) body();
    return held();
  };
  const { generation } = port.iut;
  const before = levels.get(check);
  // Where the process is that of the point before, what it held behind that one is a start as good.
  const start = before !== undefined && before.generation === generation ? before.memory : repeated();
  let last = start;
  for (let window = 1; window <= mostWindows && last - start < surelyLeaked; window++) {
    const now = repeated();
    if (now - last < leastBytesOfWindow) {
      if (generation !== undefined) levels.set(check, { generation, memory: now });
      check.holds(true, what, { expected: `about ${start} bytes`, actual: `${now} bytes` });
      return;
    }
    last = now;
  }
  check.fails('leak', what, `about ${start} bytes of memory`, `${last} bytes, and more behind each window of repeats`);
}

/** What there is more of, by identity, most first. */
function growth(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): string[] {
  return Object.entries(after)
    .map(([identity, now]) => ({ identity, more: now - (before[identity] ?? 0) }))
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
