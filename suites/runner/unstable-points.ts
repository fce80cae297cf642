import type { Point } from '../case.ts';
import { spread, type UnstablePoint } from './sweep-result.ts';

/** A point as its first run ended: in words that are the same for the same ways of failing, empty where it passed. */
export interface RanPoint<P extends Point> {
  readonly point: P;
  readonly ending: string;
}

/** A crash costs a start of the process, and a silence a deadline. */
const crashRepetitions = 1;
/** Of other points: the more, the fewer they are, since one that crashes every third time may pass several times. */
const fewestRepetitions = 2;
const mostRepetitions = 8;
const repetitionsInAll = 48;
/** Points that passed are repeated no more than this. */
const mostPassed = 24;

/** So many points that all crashed alike have repeated the crash for one another. */
const alikeEnough = 3;

const crashes = (ending: string): boolean => ending.split(',').some((one) => one.endsWith(' crash'));
const waits = (ending: string): boolean => /(silence|stalled|hang|desync)(,|$)/.test(ending);

/**
 * Repeats points of a sweep in which the process crashed. What a device reads or writes outside its memory is chance, so
 * that a point may crash once and pass once.
 * @param again runs a point once more; undefined where no more can be run
 */
export function unstablePoints<P extends Point>(
  ran: readonly RanPoint<P>[],
  again: (point: P) => string | undefined,
): UnstablePoint[] {
  const [first, ...others] = ran;
  const allAlike = others.every(({ ending }) => ending === first?.ending);
  if (ran.length >= alikeEnough && allAlike && crashes(first?.ending ?? '')) return [];
  const failed = ran.filter(({ ending }) => ending !== '' && !waits(ending));
  const passed = spread(
    ran.filter(({ ending }) => ending === ''),
    mostPassed,
  );
  const otherwise = Math.floor(repetitionsInAll / (failed.length + passed.length));
  const repetitions = Math.min(mostRepetitions, Math.max(fewestRepetitions, otherwise));
  const found: UnstablePoint[] = [];
  for (const { point, ending } of [...failed, ...passed]) {
    const endings = [ending];
    const times = crashes(ending) ? crashRepetitions : repetitions;
    for (let n = 0; n < times; n++) {
      const next = again(point);
      if (next === undefined) return found;
      endings.push(next);
    }
    if (new Set(endings).size === 1) continue;
    found.push({ key: point.key, failed: endings.filter((one) => one !== '').length, of: endings.length });
  }
  return found;
}
