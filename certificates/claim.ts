import { z } from 'zod';
import { isFeatureName, isRequirementSlug, transports } from '../reference-impl/catalogue/catalogue.ts';
import { day, parsedJson, words } from './checked-file.ts';

const feature = z.string().refine(isFeatureName, { error: (issue) => `${String(issue.input)} is no feature bit` });
const requirement = z
  .string()
  .refine(isRequirementSlug, { error: (issue) => `${String(issue.input)} is no requirement of the catalogue` });
const link = z.url({ protocol: /^https?$/, error: 'a link is wanted, https://…' });

/** A device as it shows itself over one transport. */
const claimedTransport = z.strictObject({
  transport: z.enum(transports),
  /** Name of the target that shows it, as `certify` is told. */
  target: words,
  /** As the target tells it; left out where it tells none. */
  version: z.string().optional(),
  /** SHA-256 of the program, where it is one. */
  binaryHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, { error: 'a SHA-256 in hexadecimal is wanted' })
    .optional(),
  /** Feature bits that the certificate is to be about. */
  features: z.array(feature).min(1, { error: 'names no feature bit' }),
});
export type ClaimedTransport = z.infer<typeof claimedTransport>;

/** What the certificate is not about, although the profile or the device has it. */
const exclusion = z
  .strictObject({
    feature: feature.optional(),
    requirement: requirement.optional(),
    /** Over this transport alone. */
    transport: z.enum(transports).optional(),
    reason: words,
  })
  .refine((one) => (one.feature === undefined) !== (one.requirement === undefined), {
    error: 'an exclusion names a feature or a requirement, and not both',
  });
export type Exclusion = z.infer<typeof exclusion>;

/** A requirement that is known to fail, and that an approver lets the device have for a time. */
const waiver = z.strictObject({
  requirement,
  transport: z.enum(transports).optional(),
  reason: words,
  link,
  approvedBy: words,
  /** The last day on which it counts. */
  expires: day,
});
export type Waiver = z.infer<typeof waiver>;

const versions = z.record(words, words);

/** What a vendor says of a device, before it is judged: docs/CERTIFICATION.md. */
export const claim = z
  .strictObject({
    schema: z.literal(1, { error: 'is another schema than 1' }),
    applicant: z.strictObject({ organisation: words, contact: words }),
    device: z.strictObject({
      vendor: words,
      name: words,
      /** The type as the specification names it: net, block, entropy. */
      type: words,
      /** What is certified, by the names of its parts: hardware, driver, program. */
      versions: versions.refine((all) => Object.keys(all).length > 0, { error: 'names no version' }),
      /** Of each part that has one; none for a device without. */
      firmware: versions,
      /** Vendor and device id of PCI functions, as lspci -nn shows them. */
      pciIds: z.array(z.string().regex(/^[0-9a-f]{4}:[0-9a-f]{4}$/, { error: 'a PCI id is wanted, as 1af4:1041' })),
      /** Redacted where that is asked for, in traces as well. */
      serials: z.array(words).default([]),
      macAddresses: z
        .array(z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, { error: 'a MAC address is wanted' }))
        .default([]),
    }),
    profiles: z
      .array(z.strictObject({ id: words, version: z.number().int().positive() }))
      .min(1, { error: 'names no profile' }),
    transports: z.array(claimedTransport).min(1, { error: 'names no transport' }),
    exclusions: z.array(exclusion),
    waivers: z.array(waiver),
  })
  .superRefine((written, context) => {
    twice(
      context,
      'profiles',
      written.profiles.map(({ id }) => id),
    );
    twice(
      context,
      'transports',
      written.transports.map(({ target }) => target),
    );
    for (const [index, { features }] of written.transports.entries()) {
      twice(context, `transports.${index}.features`, features);
    }
    const offered = new Set(written.transports.flatMap(({ features }) => features));
    for (const [index, { feature: name, transport }] of written.exclusions.entries()) {
      if (name === undefined || transport !== undefined || !offered.has(name)) continue;
      const message = `${name} is claimed, and cannot be excluded as well`;
      context.addIssue({ code: 'custom', path: ['exclusions', index], message });
    }
  });
export type Claim = z.infer<typeof claim>;

function twice(context: z.core.$RefinementCtx<unknown>, path: string, names: readonly string[]): void {
  const again = names.find((name, place) => names.indexOf(name) !== place);
  if (again === undefined) return;
  context.addIssue({ code: 'custom', path: path.split('.'), message: `${again} is named twice` });
}

/** @param name of the file, for messages. @throws CertificateError in one line, naming the field that is wrong. */
export const claimOf = (name: string, text: string): Claim => parsedJson(name, text, claim);

/** Whether an exclusion or a waiver is about a transport. */
export const isAbout = ({ transport }: { readonly transport?: string | undefined }, other: string): boolean =>
  transport === undefined || transport === other;
