import { z } from 'zod';

const count = z.number().int().nonnegative();

/** How far one instance of a campaign was. */
const moment = z.object({ elapsedMs: z.number().nonnegative(), runs: count, signals: count, corpus: count });
export type CampaignMoment = z.infer<typeof moment>;

const instance = z.object({
  name: z.string(),
  runs: count,
  elapsedMs: z.number().nonnegative(),
  calls: count,
  judgedCalls: count,
  unconfirmed: count,
  restarts: count,
  signals: count,
  history: z.array(moment),
});
export type CampaignInstance = z.infer<typeof instance>;

/** A cause that a campaign found. */
const bucket = z.object({
  name: z.string(),
  kind: z.string(),
  what: z.string(),
  requirement: z.string().optional(),
  /** Of so many runs on fresh processes, how many showed it; and how often it was seen again. */
  shown: count,
  runs: count,
  seenAgain: count,
  isMinimal: z.boolean(),
  afterRuns: count,
  afterMs: z.number().nonnegative(),
  replay: z.string(),
  program: z.string(),
  /** A C program that shows it, and what its process and its sanitizers wrote. */
  inC: z.string().optional(),
  log: z.string().optional(),
});
export type CampaignBucket = z.infer<typeof bucket>;

/** A fuzz campaign, as a report shows it. */
export const campaignRecord = z.object({
  target: z.string(),
  identity: z.string(),
  device: z.string(),
  transport: z.string(),
  corpus: count,
  instances: z.array(instance),
  buckets: z.array(bucket),
  /** Findings that there was no time to look into, by the names that they had at first sight. */
  untriaged: z.array(z.string()),
  /** Names of calls and states by number; a cell is a call times the number of states, and a state. */
  calls: z.array(z.string().nullable()),
  states: z.array(z.string()),
  reached: z.array(count),
});
export type CampaignRecord = z.infer<typeof campaignRecord>;

export const campaignFile = z.object({ schema: z.literal(1), campaigns: z.array(campaignRecord) });
