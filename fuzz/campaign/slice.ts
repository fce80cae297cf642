import { z } from 'zod';
import { placedWords } from '../../reference-impl/schema-words.ts';
import { type Program, ProgramError } from '../program/program.ts';
import { decodeProgram, encodeProgram } from '../program/program-encoding.ts';
import { campaignState } from './campaign-state.ts';
import { toldFinding } from './told-finding.ts';

/**
 * A part of a campaign as data, and what comes of it: both travel through queues that strangers may write to. Nothing in them
 * names a file, a program or a command; what is run is the target of the worker that takes the slice.
 */

/** Programs of one kind that a slice has, and characters that one may take. */
export const mostPrograms = 1024;
const mostOfOne = 1 << 20;
/** Runs of one slice. */
export const mostSliceRuns = 100_000;
/** Buckets of a campaign. */
const mostBuckets = 1024;

/** The bytes of a program as base64. */
const programText = z
  .base64()
  .max(mostOfOne)
  .superRefine((text, context) => {
    try {
      programOf(text);
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      context.addIssue({ code: 'custom', message: `no program: ${error.message}` });
    }
  });
const programTexts = z.array(programText).max(mostPrograms);

export const programOf = (text: string): Program => decodeProgram(Buffer.from(text, 'base64'));
export const textOf = (program: Program): string => Buffer.from(encodeProgram(program)).toString('base64');

/** The name of a directory within that of the buckets. */
const bucketName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/, 'no name of a bucket');

const place = {
  schema: z.literal(1),
  /** Which campaign, and which of its slices. */
  campaign: z.string().regex(/^[0-9a-f]{32}$/),
  number: z.int().min(0).max(1_000_000),
};

const line = z.string().max(4096);

export const slice = z.strictObject({
  ...place,
  /** Version of the suite and of its catalogue: another one judges otherwise. */
  suite: line,
  /** Name of the target that is meant. */
  target: line,
  seed: z
    .int()
    .min(-(2 ** 31))
    .max(2 ** 32),
  runs: z.int().min(1).max(mostSliceRuns),
  /** Programs to begin with, where nothing is known yet. */
  seeds: programTexts,
  /** What the slices before it reached and found. */
  corpus: programTexts,
  buckets: z
    .array(z.strictObject({ name: bucketName, program: programText, isFinished: z.boolean() }))
    .max(mostBuckets),
});
export type Slice = z.infer<typeof slice>;

const keptBucket = z.strictObject({
  name: bucketName,
  program: programText,
  before: programTexts,
  told: toldFinding,
});

export const sliceResult = z.strictObject({
  ...place,
  /** What served, as it told. */
  served: z.strictObject({ identity: line, version: line, binaryHash: line.exactOptional() }),
  state: campaignState.omit({ history: true, schema: true, starts: true, seen: true }).extend({
    seen: z.record(bucketName, z.int().nonnegative()),
  }),
  /** Programs that reached something new. */
  corpus: programTexts,
  /** Causes that were found, or that have a smaller program now. */
  buckets: z.array(keptBucket).max(mostBuckets),
  /** Programs with a finding that there was no time to look into, by the name that it had at first sight. */
  untriaged: z.array(z.strictObject({ name: bucketName, program: programText })).max(mostBuckets),
  /** Programs under which a host process of ours died. */
  deaths: programTexts,
});
export type SliceResult = z.infer<typeof sliceResult>;

/** Why a value is no slice, or no result of one. */
export function problemIn(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue === undefined || issue.path.length === 0 ? `it ${issue?.message ?? 'is none'}` : placedWords(issue);
}
