import { z } from 'zod';

const pciFunction = z.strictObject({
  address: z.string(),
  vendor: z.string(),
  device: z.string(),
  subsystemVendor: z.string(),
  subsystemDevice: z.string(),
  revision: z.string(),
  driver: z.string().optional(),
});
export type PciFunction = z.infer<typeof pciFunction>;

/** The machine and the suite that judged, as `certify` found them. */
export const environment = z.strictObject({
  schema: z.literal(1),
  suite: z.strictObject({ name: z.string(), version: z.string() }),
  catalogueHash: z.string(),
  seed: z.number().int(),
  node: z.string(),
  kernel: z.strictObject({ release: z.string(), version: z.string() }),
  machine: z.strictObject({
    architecture: z.string(),
    cpu: z.string(),
    cpus: z.number().int(),
    hostName: z.string(),
    /** Of DMI, where it can be read: what the firmware calls the machine and itself. */
    dmi: z.record(z.string(), z.string()),
  }),
  /** PCI functions that the targets lie on, or that the claim names. */
  pci: z.array(pciFunction),
});
export type Environment = z.infer<typeof environment>;
