import type { RegionDescription } from './memory-rules.ts';

/** How memory that arrives while it is in use is asked for (vhost-user, "Migration"). */
export interface PostcopyRules {
  /** What POSTCOPY_ADVISE hands over. */
  readonly handsOver: 'userfaultfd' | 'memory-file' | 'nothing';
  /** Whether a region is registered with the userfaultfd. */
  readonly registers: (region: RegionDescription) => boolean;
  /** What the reply to a memory table says of a region that lies at `address`. */
  readonly told: (region: RegionDescription, address: bigint) => RegionDescription;
  /** Whether a region is left alone between the reply and its acknowledgement. */
  readonly waitsForAcknowledgement: boolean;
  /** Whether POSTCOPY_END gives the userfaultfd up. */
  readonly dropsAtEnd: boolean;
  /** The answer to POSTCOPY_END behind POSTCOPY_LISTEN. */
  readonly endAnswer: bigint;
}

export const postcopyRules: PostcopyRules = {
  handsOver: 'userfaultfd',
  registers: () => true,
  told: (region, address) => ({ ...region, userAddress: address }),
  waitsForAcknowledgement: true,
  dropsAtEnd: true,
  endAnswer: 0n,
};
