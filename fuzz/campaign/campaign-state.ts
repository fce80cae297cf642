import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from './atomic-file.ts';

const count = z.number().int().nonnegative();

/** What of a campaign outlives its process, beside its corpus and its buckets. */
const campaignState = z.object({
  schema: z.literal(1),
  /** How often it was begun, or gone on with. */
  starts: count,
  runs: count,
  elapsedMs: z.number().nonnegative(),
  calls: count,
  judgedCalls: count,
  repeated: count,
  unconfirmed: count,
  restarts: count,
});
export type CampaignState = z.infer<typeof campaignState>;

const fileName = 'campaign.json';
const fresh: CampaignState = {
  schema: 1,
  starts: 0,
  runs: 0,
  elapsedMs: 0,
  calls: 0,
  judgedCalls: 0,
  repeated: 0,
  unconfirmed: 0,
  restarts: 0,
};

/** The state in a directory; that of a campaign which begins where there is none, or one that cannot be read. */
export function readState(directory: string): CampaignState {
  const path = join(directory, fileName);
  if (!existsSync(path)) return { ...fresh };
  const read = campaignState.safeParse(jsonOf(readFileSync(path, 'utf8')));
  return read.success ? read.data : { ...fresh };
}

export function writeState(directory: string, state: CampaignState): void {
  writeAtomically(join(directory, fileName), `${JSON.stringify(state, undefined, 2)}\n`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
