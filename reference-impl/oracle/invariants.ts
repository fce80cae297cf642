import { type RequirementSlug, requirementOf } from '../catalogue/catalogue.ts';
import type { RingLayout } from '../virtqueue/ring.ts';

/** Invariants of ring memory by the requirement of split rings. */
export const invariants = {
  usedId: 'split/used-id-is-chain-head',
  usedOnce: 'split/chain-used-once',
  usedLen: 'split/used-len-bytes-written',
  inOrder: 'reserved/in-order-use',
  elementBeforeShown: 'split/used-len-before-used-idx',
  packetTogether: 'net/packet-buffers-used-together',
  descriptorArea: 'split/descriptor-table-never-written',
  driverArea: 'split/avail-ring-never-written',
  readableBuffers: 'split/readable-buffers-never-written',
  otherMemory: 'split/nothing-written-outside-buffers',
  stoppedRing: 'vu-ring-state/stopped-ring-not-processed',
} as const satisfies Record<string, RequirementSlug>;

export type Invariant = keyof typeof invariants;

/** A rule of ring memory that was broken, as far as memory shows it. */
export interface InvariantViolation {
  readonly requirement: RequirementSlug;
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

/** The requirement of an invariant in a layout; undefined where the layout does not ask for it. */
export function requirementOfInvariant(invariant: Invariant, layout: RingLayout): RequirementSlug | undefined {
  const requirement = invariants[invariant];
  if (layout === 'split') return requirement;
  // A packed device returns descriptors by writing them.
  if (invariant === 'descriptorArea') return undefined;
  const { counterpart } = requirementOf(requirement);
  if (counterpart === undefined) return requirement;
  return 'slug' in counterpart ? counterpart.slug : undefined;
}
