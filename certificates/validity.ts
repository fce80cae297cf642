import type { Claim } from './claim.ts';
import type { Profile } from './profile.ts';

const dayMs = 86_400_000;

/** The last day of a certificate: by its profiles, and of its waivers the one that expires first. */
export function validUntil(issued: string, profiles: readonly Profile[], { waivers }: Claim): string {
  const days = Math.min(...profiles.map(({ validDays }) => validDays));
  const byProfile = new Date(Date.parse(issued) + days * dayMs).toISOString().slice(0, 10);
  return [byProfile, ...waivers.map(({ expires }) => expires)].sort()[0] as string;
}
