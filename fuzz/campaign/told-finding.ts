import { z } from 'zod';

const count = z.int().nonnegative();
/** What an IUT wrote last, or a sanitizer: longer texts are no part of a finding. */
const text = z.string().max(1 << 20);

const report = z.object({ tool: text, error: text, functions: z.array(text).readonly(), text }).readonly();

const exit = z
  .object({
    signal: z.string().exactOptional(),
    code: z.int().exactOptional(),
    stderr: text.exactOptional(),
    report: report.exactOptional(),
    lastFunction: text.exactOptional(),
  })
  .readonly();

const kinds = ['crash', 'hang', 'stray-write', 'report', 'invariant', 'model', 'leak'] as const;

/** What the directory of a bucket tells of its finding, beside the programs. */
export const toldFinding = z
  .object({
    kind: z.enum(kinds),
    what: text,
    requirement: text.exactOptional(),
    exit: exit.exactOptional(),
    report: report.exactOptional(),
    /** Of so many runs, each on a fresh process, how many showed it. */
    shown: count,
    runs: count,
    isMinimal: z.boolean(),
    /** How many programs the campaign had run when it was found, and how long. */
    afterRuns: count,
    afterMs: z.number().nonnegative(),
  })
  .readonly();
export type ToldFinding = z.infer<typeof toldFinding>;
