import { z } from 'zod';
import { ringFacts } from './ring-facts.ts';

export const blockWorkload = z.strictObject({
  kind: z.literal('block'),
  ...ringFacts,
  /** 512-byte sectors that a case may write. */
  sectors: z.int().positive(),
});

export type BlockWorkload = z.infer<typeof blockWorkload>;
