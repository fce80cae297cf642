import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { errno } from '../../../wire/errno.ts';
import type { Rule } from './call-check.ts';
import { contains, overlaps, type Range } from './range.ts';

interface Addresses {
  readonly descriptor: bigint;
  readonly available: bigint;
  readonly used: bigint;
}

/** What was told of a ring. A base is undefined where it is not known. */
export interface ToldRing {
  size: number;
  base: number | undefined;
  /** It was told, or read, since the device was opened or reset. */
  isBaseTold: boolean;
  /** Of a packed ring: its base is not known, and it has fewer entries than when it was told. */
  mayLieBeyond: boolean;
  addresses: Addresses | undefined;
  /** The device works on it, or may. */
  isStarted: boolean;
}

export const newRing = (): ToldRing => ({
  size: 0,
  base: 0,
  isBaseTold: false,
  mayLieBeyond: false,
  addresses: undefined,
  isStarted: false,
});

const mostEntries = 0x8000;

const isPowerOfTwo = (size: number): boolean => (size & (size - 1)) === 0;

/** Sizes that a ring may be told, 0 among them, which takes it out of use. */
export const isRingSize = (size: number, isPacked: boolean): boolean =>
  size <= mostEntries && (isPacked || isPowerOfTwo(size));

/** Virtio 2.7 and 2.8: how long each part of a ring is, and what its address is a multiple of. */
function partsOf({ size, addresses }: ToldRing, isPacked: boolean): readonly (Range & { readonly unit: bigint })[] {
  if (addresses === undefined) return [];
  const { descriptor, available, used } = addresses;
  const entries = BigInt(size);
  const table = { start: descriptor, size: 16n * entries, unit: 16n };
  if (isPacked) {
    return [table, { start: available, size: 4n, unit: 4n }, { start: used, size: 4n, unit: 4n }];
  }
  return [
    table,
    { start: available, size: 6n + 2n * entries, unit: 2n },
    { start: used, size: 6n + 8n * entries, unit: 4n },
  ];
}

/** Whether a start can be carried out, as the memory of the device lies. */
export function startRule(rings: readonly ToldRing[], memory: readonly Range[], isPacked: boolean): Rule {
  const inUse = rings.filter(({ size, addresses }) => size !== 0 && addresses !== undefined);
  const refusedFor = (requirement: RequirementSlug): Rule => ({ allowed: -errno.EFAULT, requirement });
  let isOpen = false;
  for (const ring of inUse) {
    const parts = partsOf(ring, isPacked);
    if (memory.length === 0) return refusedFor('vm-memory/start-without-memory-fails');
    if (parts.some((part) => !memory.some((region) => overlaps(region, part)))) {
      return refusedFor('vm-state/ring-nowhere-fails-start');
    }
    if (parts.some(({ start, unit }) => start % unit !== 0n)) return refusedFor('vm-rings/unaligned-ring-fails-start');
    // Two regions may lie side by side; a position beyond the ring is the driver's mistake.
    if (parts.some((part) => !memory.some((region) => region.isLimited !== true && contains(region, part))))
      isOpen = true;
    if (isPacked && ring.mayLieBeyond) isOpen = true;
    if (isPacked && ((ring.base ?? 0) & 0x7fff) >= ring.size) isOpen = true;
    if (isPacked && (((ring.base ?? 0) >>> 16) & 0x7fff) >= ring.size) isOpen = true;
  }
  const requirement = inUse.length === 0 ? 'vm-state/start-without-rings-taken' : 'vm-state/start-serves-rings';
  return { allowed: isOpen ? 'any' : 0, requirement };
}
