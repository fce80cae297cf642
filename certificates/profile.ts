import { z } from 'zod';
import { transports } from '../reference-impl/catalogue/catalogue.ts';
import { CertificateError } from './certificate-error.ts';
import { day, words } from './checked-file.ts';
import vhostMdevL1 from './profiles/vhost-mdev-l1.json' with { type: 'json' };
import vhostMdevL2 from './profiles/vhost-mdev-l2.json' with { type: 'json' };
import vhostUser from './profiles/vhost-user.json' with { type: 'json' };
import vhostVdpa from './profiles/vhost-vdpa.json' with { type: 'json' };
import virtioPci from './profiles/virtio-pci.json' with { type: 'json' };

const mustPassList = z.strictObject({
  device: words,
  transport: z.enum(transports),
  /** Slugs, sorted. */
  requirements: z.array(z.string()),
});
export type MustPassList = z.infer<typeof mustPassList>;

/** What a certificate stands for: docs/CERTIFICATION.md. */
export const profile = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]*$/),
  /** Another one wherever the lists or the rules change. */
  version: z.number().int().positive(),
  title: words,
  /** The versions of texts by which a device is judged. */
  texts: z.array(z.string()).min(1),
  /** First and last day on which certificates are issued, and the days for which one holds. */
  issuedFrom: day,
  issuedUntil: day,
  validDays: z.number().int().positive(),
  /** How often each result is run at least. */
  repetitions: z.number().int().min(2),
  /** Feature bits that a claim has to name. */
  requiredFeatures: z.array(z.string()),
  mustPass: z.array(mustPassList),
});
export type Profile = z.infer<typeof profile>;

const written: readonly unknown[] = [vhostUser, vhostMdevL1, vhostMdevL2, vhostVdpa, virtioPci];
let checked: readonly Profile[] | undefined;

/** The profiles of this version of the suite. */
export function allProfiles(): readonly Profile[] {
  checked ??= written.map((entry) => profile.parse(entry));
  return checked;
}

export interface ProfileName {
  readonly id: string;
  readonly version: number;
}

export const profileText = ({ id, version }: ProfileName): string => `${id} ${version}`;

/** @throws CertificateError where this version of the suite does not have it. */
export function profileOf({ id, version }: ProfileName): Profile {
  const found = allProfiles().find((one) => one.id === id);
  if (found === undefined) {
    const known = allProfiles().map((one) => one.id);
    throw new CertificateError(`profile ${id}: there is none; there are ${known.join(', ')}`);
  }
  if (found.version === version) return found;
  throw new CertificateError(
    `profile ${id}: version ${version} is not of this suite, which has version ${found.version}`,
  );
}

/** The list for a device over a transport; undefined where the profile has none. */
export const mustPassOf = ({ mustPass }: Profile, device: string, transport: string): MustPassList | undefined =>
  mustPass.find((list) => list.device === device && list.transport === transport);
