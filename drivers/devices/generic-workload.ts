import { z } from 'zod';
import { ringFacts } from './ring-facts.ts';

const most = 65_536;
const size = z.int().min(0).max(most);

/** A request of the device's own that completes by itself, always the same. */
const genericRequest = z
  .strictObject({
    /** What the driver sends, in hexadecimal digits; blanks are left out. */
    readable: z
      .string()
      .transform((text) => text.replaceAll(/\s/g, ''))
      .pipe(z.string().regex(/^([0-9a-f]{2})*$/i, 'pairs of hexadecimal digits')),
    /** Bytes for what the device answers. */
    writable: size,
    /** Bytes that the device says it wrote: the fewest, and the most. */
    writes: z.strictObject({ least: size, most: size }),
    /** The device takes it in one readable and one writable descriptor alone: cases that cut it do not apply. */
    isWhole: z.boolean().exactOptional(),
  })
  .refine(({ readable, writable }) => readable.length + writable > 0, 'a request has bytes')
  .refine(({ writable, writes }) => writes.least <= writes.most && writes.most <= writable, 'writes fit into writable');

export const genericWorkload = z.strictObject({
  kind: z.literal('generic'),
  ...ringFacts,
  /** Without it, cases that make requests do not apply. */
  request: genericRequest.exactOptional(),
});

export type GenericWorkload = z.infer<typeof genericWorkload>;
