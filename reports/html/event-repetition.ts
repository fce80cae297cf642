import type { ObservedEvent } from '../../reference-impl/observations/event.ts';

/** Events that follow each other; `times` of them in a row but for their times, of which only the first are kept. */
export interface EventRun {
  readonly events: readonly ObservedEvent[];
  readonly times: number;
}

const longestPeriod = 4;
const fewestTimes = 3;

/**
 * Folds exchanges that repeat (a fence behind every message, a liveness check at every point of a sweep), so that
 * a reader sees what differs. The event `keptSeq` is never folded away.
 */
export function foldRepetitions(events: readonly ObservedEvent[], keptSeq: number | undefined): EventRun[] {
  const fingerprints = events.map((event) => (event.seq === keptSeq ? `kept ${event.seq}` : fingerprint(event)));
  const runs: EventRun[] = [];
  let at = 0;
  while (at < events.length) {
    const { period, times } = repetitionAt(fingerprints, at);
    runs.push({ events: events.slice(at, at + period), times });
    at += period * times;
  }
  return runs;
}

function repetitionAt(fingerprints: readonly string[], at: number): { period: number; times: number } {
  for (let period = 1; period <= longestPeriod; period += 1) {
    let end = at + period;
    while (end < fingerprints.length && fingerprints[end] === fingerprints[end - period]) end += 1;
    const times = Math.floor((end - at) / period);
    if (times >= fewestTimes) return { period, times };
  }
  return { period: 1, times: 1 };
}

/** Equal for events that differ in number and time alone. */
function fingerprint({ seq: _seq, timeUs: _timeUs, ...what }: ObservedEvent): string {
  return JSON.stringify(what, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    return value instanceof Uint8Array ? Array.from(value).join() : value;
  });
}
