import type { RequirementSlug } from '../catalogue/catalogue.ts';
import type { MemoryChange, Snapshot } from '../memory/snapshot.ts';
import { changes, changesOutside } from '../memory/snapshot.ts';
import type { Span } from '../memory/span.ts';
import type { Segment } from '../virtqueue/segment.ts';
import type { GuestSplitRing } from '../virtqueue/split/guest-ring.ts';
import { availEventOffset, USED_ELEMENT_SIZE, USED_IDX_OFFSET, usedElementOffset } from '../virtqueue/split/layout.ts';
import type { InvariantViolation } from './invariants.ts';

/** A chain that the driver made available and that was not used when the snapshot was taken. */
export interface OutstandingChain {
  readonly head: number;
  readonly segments: readonly Segment[];
}

/** A ring as the driver left it. */
export interface WatchedRing {
  readonly ring: GuestSplitRing;
  /** The used idx when the snapshot was taken. */
  readonly usedIdx: number;
  readonly outstanding: readonly OutstandingChain[];
}

/**
 * What the device may not have done between the snapshot and now, judged by comparison. The driver must have written
 * nothing since the snapshot: take it behind the last publication and ahead of the kick. All rings that the device
 * serves in this memory have to be named, or their writes read as writes outside. `others` are spans that it may write
 * besides. A write of what was there already cannot be seen.
 */
export function ringMemoryViolations(
  snapshot: Snapshot,
  rings: readonly WatchedRing[],
  others: readonly Span[] = [],
): InvariantViolation[] {
  const found = changes(snapshot);
  const allowed = [...others];
  const violations: InvariantViolation[] = [];
  for (const watched of rings) {
    const { ring } = watched;
    const part = (span: Span, requirement: RequirementSlug, name: string): void => {
      allowed.push(span);
      violations.push(...writtenWithin(found, span, requirement, name));
    };
    part(ring.desc, 'split/descriptor-table-never-written', 'the descriptor table');
    part(ring.avail, 'split/avail-ring-never-written', 'the available ring');
    allowed.push(ring.used);
    violations.push(...elementsOutOfPlace(found, watched), ...usedElementViolations(watched));
    for (const { head, segments } of watched.outstanding) {
      for (const segment of segments) {
        const span = snapshot.guest.spanAt(segment.guestAddress, segment.length);
        if (segment.writable) allowed.push(span);
        else part(span, 'split/readable-buffers-never-written', `a readable buffer of chain ${head}`);
      }
    }
  }
  for (const change of changesOutside(found, allowed)) {
    violations.push({
      requirement: 'split/nothing-written-outside-buffers',
      what: 'memory outside used rings and writable buffers',
      expected: 'as it was',
      actual: describeChange(change),
    });
  }
  return violations;
}

/** What used elements that came since say that cannot be: ids, lengths, and how many they are. */
export function usedElementViolations({ ring, usedIdx, outstanding }: WatchedRing): InvariantViolation[] {
  const moved = (ring.usedIdx() - usedIdx) & 0xffff;
  if (moved > outstanding.length) {
    return [
      {
        requirement: 'split/chain-used-once',
        what: 'how far the used idx moved',
        expected: `${outstanding.length} at most: so many chains were available`,
        actual: String(moved),
      },
    ];
  }
  const violations: InvariantViolation[] = [];
  const left = new Map(outstanding.map((chain) => [chain.head, chain]));
  const heads = new Set(left.keys());
  for (let n = 0; n < moved; n++) {
    const { id, len } = ring.usedElement((usedIdx + n) % ring.size);
    const what = `used element ${(usedIdx + n) & 0xffff}`;
    const chain = left.get(id);
    if (chain === undefined) {
      const again = heads.has(id);
      violations.push({
        requirement: again ? 'split/chain-used-once' : 'split/used-id-is-chain-head',
        what,
        expected: again ? `each head once, of ${[...heads].join(', ')}` : `one of the heads ${[...heads].join(', ')}`,
        actual: `id ${id}${again ? ' once more' : ''}`,
      });
      continue;
    }
    left.delete(id);
    const room = chain.segments.reduce((total, { writable, length }) => total + (writable ? length : 0), 0);
    if (len > room) {
      violations.push({
        requirement: 'split/used-len-bytes-written',
        what,
        expected: `a len of ${room} at most: so long is the writable part of chain ${id}`,
        actual: String(len),
      });
    }
  }
  return violations;
}

/** Changes in a used ring at places where no element of the moved idx belongs. */
function elementsOutOfPlace(found: readonly MemoryChange[], { ring, usedIdx }: WatchedRing): InvariantViolation[] {
  const moved = Math.min((ring.usedIdx() - usedIdx) & 0xffff, ring.size);
  const places = [ring.used.slice(0, USED_IDX_OFFSET + 2), ring.used.slice(availEventOffset(ring.size), 2)];
  for (let n = 0; n < moved; n++) {
    places.push(ring.used.slice(usedElementOffset((usedIdx + n) % ring.size), USED_ELEMENT_SIZE));
  }
  return writtenWithin(changesOutside(found, places), ring.used, 'split/used-element-position', 'the used ring');
}

function writtenWithin(
  found: readonly MemoryChange[],
  span: Span,
  requirement: RequirementSlug,
  name: string,
): InvariantViolation[] {
  const isWithin = (change: MemoryChange): boolean =>
    changesOutside([change], [span]).reduce((total, { length }) => total + length, 0) < change.length;
  return found
    .filter(isWithin)
    .map((change) => ({ requirement, what: name, expected: 'as it was', actual: describeChange(change) }));
}

const describeChange = ({ region, offset, length }: MemoryChange): string =>
  `${length} bytes written at offset ${offset} of region ${region}`;
