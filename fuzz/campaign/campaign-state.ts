import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from './atomic-file.ts';

const count = z.number().int().nonnegative();

/** How far a campaign was: what its report shows over time. */
const moment = z.object({
  elapsedMs: z.number().nonnegative(),
  runs: count,
  signals: count,
  corpus: count,
});
export type Moment = z.infer<typeof moment>;

/** What of an instance of a campaign outlives its process, beside the corpus and the buckets. */
export const campaignState = z.object({
  schema: z.literal(2),
  /** How often it was begun, or gone on with. */
  starts: count,
  runs: count,
  elapsedMs: z.number().nonnegative(),
  calls: count,
  judgedCalls: count,
  repeated: count,
  unconfirmed: count,
  restarts: count,
  signals: count,
  /** By bucket: how often it was seen again. */
  seen: z.record(z.string(), count),
  /** Numbers of the cells of call and state that were reached. */
  reached: z.array(count),
  history: z.array(moment),
});
export type CampaignState = z.infer<typeof campaignState>;

export const stateFile = 'campaign.json';

export const freshState = (): CampaignState => ({
  schema: 2,
  starts: 0,
  runs: 0,
  elapsedMs: 0,
  calls: 0,
  judgedCalls: 0,
  repeated: 0,
  unconfirmed: 0,
  restarts: 0,
  signals: 0,
  seen: {},
  reached: [],
  history: [],
});

/** The state in a directory; that of a campaign which begins where there is none, or one that cannot be read. */
export function readState(directory: string): CampaignState {
  const path = join(directory, stateFile);
  if (!existsSync(path)) return freshState();
  const read = campaignState.safeParse(jsonOf(readFileSync(path, 'utf8')));
  return read.success ? read.data : freshState();
}

export function writeState(directory: string, state: CampaignState): void {
  writeAtomically(directory, stateFile, `${JSON.stringify(state)}\n`);
}

/** Moments that are kept. */
const mostMoments = 400;

/** Adds a moment, where the last one is long enough ago; every second one goes where they are too many. */
export function withMoment(history: readonly Moment[], now: Moment): readonly Moment[] {
  const last = history.at(-1);
  // The first minute is shown closely.
  const apart = Math.max(1000, now.elapsedMs / mostMoments);
  if (last !== undefined && now.elapsedMs - last.elapsedMs < apart) return history;
  const all = [...history, now];
  return all.length <= mostMoments ? all : all.filter((_, at) => at % 2 === 0);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
