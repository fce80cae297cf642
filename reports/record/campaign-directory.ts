import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { inWords, issueWords } from '../../reference-impl/schema-words.ts';
import { type CampaignBucket, type CampaignInstance, type CampaignRecord, campaignFile } from './campaign-record.ts';
import { RecordError } from './record-error.ts';
import { reasonOf } from './record-writer.ts';
import { readRunFile, replaceRunFile } from './run-file.ts';
import { refuseStrangeEntries } from './strange-entries.ts';

/** What `fuzz` writes, as its directory has it. */
const aboutName = 'target.json';
/** Campaigns that belong to a report. */
const campaignsName = 'fuzz.json';
/** Longer ones stay in the directory of the campaign. */
const longestText = 1 << 18;

const about = z.object({
  schema: z.literal(1),
  target: z.string(),
  identity: z.string(),
  device: z.string(),
  transport: z.string(),
  calls: z.array(z.string().nullable()),
  states: z.array(z.string()),
});

const moments = z.array(z.object({ elapsedMs: z.number(), runs: z.number(), signals: z.number(), corpus: z.number() }));
const state = z.object({
  runs: z.number(),
  elapsedMs: z.number(),
  calls: z.number(),
  judgedCalls: z.number(),
  unconfirmed: z.number(),
  restarts: z.number(),
  signals: z.number(),
  seen: z.record(z.string(), z.number()),
  reached: z.array(z.number()),
  history: moments,
});

const report = z.object({ text: z.string() });
const finding = z.object({
  kind: z.string(),
  what: z.string(),
  requirement: z.string().optional(),
  exit: z.object({ stderr: z.string().optional(), report: report.optional() }).optional(),
  report: report.optional(),
  shown: z.number(),
  runs: z.number(),
  isMinimal: z.boolean(),
  afterRuns: z.number(),
  afterMs: z.number(),
  replay: z.string(),
});

export const isCampaignDirectory = (root: string): boolean => existsSync(join(root, aboutName));

/** The campaign in a directory. @throws RecordError with one line. */
export function readCampaign(root: string): CampaignRecord {
  refuseStrangeEntries(root);
  const { target, identity, device, transport, calls, states } = parsed(join(root, aboutName), about);
  const names = namesIn(join(root, 'instances'));
  const all = names.flatMap((name) => {
    const path = join(root, 'instances', name, 'campaign.json');
    return existsSync(path) ? [{ name, state: parsed(path, state) }] : [];
  });
  const seenAgain = (bucket: string): number => all.reduce((sum, { state: { seen } }) => sum + (seen[bucket] ?? 0), 0);
  const buckets = namesIn(join(root, 'buckets'))
    .filter((name) => existsSync(join(root, 'buckets', name, 'finding.json')))
    .map((name) => readBucket(join(root, 'buckets', name), name, seenAgain(name)))
    .sort((left, right) => left.afterMs - right.afterMs);
  return {
    target,
    identity,
    device,
    transport,
    calls,
    states,
    corpus: namesIn(join(root, 'corpus')).length,
    instances: all.map(
      ({ name, state: { seen: _, reached: __, ...counts } }): CampaignInstance => ({ name, ...counts }),
    ),
    buckets,
    untriaged: names.flatMap((name) => namesIn(join(root, 'instances', name, 'untriaged'))).map(withoutEnding),
    reached: [...new Set(all.flatMap((one) => one.state.reached))].sort((left, right) => left - right),
  };
}

/** The campaigns that a report was made with, which stand beside its records; none where it had none. */
export function readCampaignsOf(root: string): CampaignRecord[] {
  const path = join(root, campaignsName);
  return existsSync(path) ? parsed(path, campaignFile).campaigns : [];
}

export const holdsCampaigns = (root: string): boolean => existsSync(join(root, campaignsName));

/** @throws RecordError */
export function writeCampaignsOf(root: string, campaigns: readonly CampaignRecord[]): void {
  const path = join(root, campaignsName);
  try {
    replaceRunFile(path, `${JSON.stringify({ schema: 1, campaigns })}\n`);
  } catch (cause) {
    throw new RecordError(path, `cannot be written (${reasonOf(cause)})`, { cause });
  }
}

function readBucket(directory: string, name: string, seenAgain: number): CampaignBucket {
  const { exit, report: said, requirement, ...told } = parsed(join(directory, 'finding.json'), finding);
  const inC = textOf(join(directory, 'program.c'));
  const log = [said?.text, exit?.report?.text, exit?.stderr]
    .filter((text) => text !== undefined && text !== '')
    .join('\n\n');
  return {
    name,
    ...told,
    seenAgain,
    program: textOf(join(directory, 'program.txt')) ?? '',
    ...(requirement === undefined ? {} : { requirement }),
    ...(inC === undefined ? {} : { inC }),
    ...(log === '' ? {} : { log }),
  };
}

/** Undefined where there is none, or it is too long for a page. */
function textOf(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const text = readFile(path).toString('utf8');
  return text.length > longestText ? undefined : text;
}

function parsed<Schema extends z.ZodType>(path: string, schema: Schema): z.infer<Schema> {
  const text = readFile(path).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RecordError(path, 'is no JSON', { cause });
  }
  const read = schema.safeParse(value, inWords);
  if (read.success) return read.data;
  throw new RecordError(path, `is not of a campaign: ${issueWords(read.error.issues)}`);
}

function readFile(path: string): Buffer {
  try {
    return readRunFile(path);
  } catch (cause) {
    throw new RecordError(path, `cannot be read (${reasonOf(cause)})`, { cause });
  }
}

/** What is being written has a name that begins with a dot. */
const namesIn = (directory: string): string[] =>
  existsSync(directory)
    ? readdirSync(directory)
        .filter((name) => !name.startsWith('.'))
        .sort()
    : [];

const withoutEnding = (file: string): string => file.replace(/\.pb$/, '');
