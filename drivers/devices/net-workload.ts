import { z } from 'zod';
import { ringFacts, ringIndex } from './ring-facts.ts';

/** `queueIndex` is the transmit ring (virtio: transmitq1 is 1). */
export const netWorkload = z.strictObject({
  kind: z.literal('net'),
  ...ringFacts,
  /** The receive ring (receiveq1 is 0). */
  receiveIndex: ringIndex,
  /** Where a transmitted frame comes back. */
  returns: z.enum(['same-port', 'second-port', 'tap', 'none']),
  /** What happens to the frame on its way. */
  reflects: z.enum(['unchanged', 'macs-swapped']),
});

export type NetWorkload = z.infer<typeof netWorkload>;
