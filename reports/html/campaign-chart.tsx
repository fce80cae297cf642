import type { JSX } from 'preact';
import type { CampaignBucket, CampaignMoment } from '../record/campaign-record.ts';
import { timeWords } from './campaign-words.ts';

const width = 600;
const height = 120;
/** Buckets are marked on the line of time, by their number in the list. */
const markHeight = 10;

interface ChartProps {
  readonly title: string;
  /** For each instance a line. */
  readonly lines: readonly (readonly Point[])[];
  readonly buckets: readonly CampaignBucket[];
  readonly elapsedMs: number;
}

export interface Point {
  readonly elapsedMs: number;
  readonly value: number;
}

/** A quantity over the time of a campaign, with a mark where each bucket was found. */
export function CampaignChart({ title, lines, buckets, elapsedMs }: ChartProps): JSX.Element {
  const most = Math.max(1, ...lines.flat().map(({ value }) => value));
  const whole = Math.max(1, elapsedMs);
  const across = (ms: number): number => Math.round((width * ms * 10) / whole) / 10;
  const up = (value: number): number => Math.round((height - (height * value) / most) * 10) / 10;
  const path = (line: readonly Point[]): string =>
    line.map(({ elapsedMs: at, value }, n) => `${n === 0 ? 'M' : 'L'}${across(at)} ${up(value)}`).join('');
  return (
    <figure class="chart">
      <figcaption>
        {title} <span class="muted">up to {Math.round(most).toLocaleString('en')}</span>
      </figcaption>
      <svg
        viewBox={`0 -4 ${width} ${height + markHeight + 6}`}
        role="img"
        aria-label={`${title} over ${timeWords(elapsedMs)}, up to ${Math.round(most)}`}
        preserveAspectRatio="none"
      >
        <path class="axis" d={`M0 ${height}H${width}`} />
        {lines.map((line, n) => (
          <path key={n} class="line" d={path(line)} />
        ))}
        {buckets.map(({ name, afterMs }) => (
          <path key={name} class="found-at" d={`M${across(Math.min(afterMs, whole))} ${height}v${markHeight}`}>
            <title>{`${name}, ${timeWords(afterMs)}`}</title>
          </path>
        ))}
      </svg>
      <p class="muted span">
        <span>0</span>
        <span>{timeWords(elapsedMs)}</span>
      </p>
    </figure>
  );
}

export const signalsOver = (history: readonly CampaignMoment[]): Point[] =>
  history.map(({ elapsedMs, signals }) => ({ elapsedMs, value: signals }));

/** Programs per second between two moments. */
export function speedOver(history: readonly CampaignMoment[]): Point[] {
  return history.slice(1).flatMap((now, at) => {
    const before = history[at];
    const ms = now.elapsedMs - (before?.elapsedMs ?? 0);
    return before === undefined || ms <= 0
      ? []
      : [{ elapsedMs: now.elapsedMs, value: ((now.runs - before.runs) * 1000) / ms }];
  });
}
