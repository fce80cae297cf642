import { z } from 'zod';

/** One submission of a claim, certified or not. */
export const attempt = z.strictObject({
  at: z.iso.datetime(),
  /** SHA-256 of the claim file. */
  claim: z.string(),
  suite: z.string(),
  catalogueHash: z.string(),
  runs: z.array(z.strictObject({ target: z.string(), version: z.string(), binaryHash: z.string().optional() })),
  result: z.enum(['certified', 'refused']),
  /** Of a refusal, the first reasons. */
  reasons: z.array(z.string()),
});
export type Attempt = z.infer<typeof attempt>;

export const attemptFile = z.strictObject({ schema: z.literal(1), attempts: z.array(attempt) });
