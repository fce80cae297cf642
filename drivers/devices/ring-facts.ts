import { z } from 'zod';

/** The number of a ring, as a target file writes it. */
export const ringIndex = z.int().min(0).max(255);

/** The fields that the facts of every device type have. */
export const ringFacts = { queueIndex: ringIndex, companions: z.array(ringIndex).readonly() };
