import { z } from 'zod';
import { ringFacts } from './ring-facts.ts';

export const blockWorkload = z.strictObject({
  kind: z.literal('block'),
  ...ringFacts,
  /** 512-byte sectors, from the first, that a case may write. */
  sectors: z.int().positive(),
  /** 512-byte sectors that the disk has, where the target is known to. */
  disk: z.int().positive().optional(),
  /** Request queues that it has, where that is known. */
  requestQueues: z.int().positive().optional(),
});

/** A disk that is there for the cases, to its last sector. */
export const wholeDisk = (sectors: number): Pick<BlockWorkload, 'sectors' | 'disk'> => ({ sectors, disk: sectors });

export type BlockWorkload = z.infer<typeof blockWorkload>;
