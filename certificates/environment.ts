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

/** A kernel of its own in a virtual machine, in which the device was judged. */
const guest = z.strictObject({
  /** What runs it, as it tells its version. */
  emulator: z.string(),
  acceleration: z.string(),
  hostKernel: z.string(),
  /** Modules that were loaded beside those of the kernel's package. */
  modules: z.array(z.strictObject({ name: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});

/** What a kernel tells of itself and its machine. */
export const machineFacts = z.strictObject({
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
export type MachineFacts = z.infer<typeof machineFacts>;

/** The kernel that judged: this one, or that of a guest. */
export const judgingMachine = machineFacts.extend({ guest: guest.optional() });
export type JudgingMachine = z.infer<typeof judgingMachine>;

/** The machine and the suite that judged, as `certify` found them. */
export const environment = judgingMachine.extend({
  schema: z.literal(1),
  suite: z.strictObject({ name: z.string(), version: z.string() }),
  catalogueHash: z.string(),
  seed: z.number().int(),
});
export type Environment = z.infer<typeof environment>;
