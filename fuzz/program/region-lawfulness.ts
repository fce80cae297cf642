import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { VHOST_USER_MEMORY_REGIONS_MAXIMUM } from '../../reference-impl/wire/vhost-user-constants.ts';
import type { CallOf } from './program.ts';

type Regions = CallOf<'memory-table'>['regions'];

/** How many regions memory of a layout has. */
export const regionsOf = (layout: CallOf<'memory'>['layout']): number =>
  layout === 'within-pages' || layout === 'crossed' ? 2 : guestLayouts[layout].regions.length;

/** The rule that a memory table breaks, as far as it can be told without addresses; undefined where it breaks none. */
export function problemOfTable({ regions, count }: CallOf<'memory-table'>): string | undefined {
  if (count !== undefined && count !== regions.length) return `a table of ${regions.length} regions says ${count}`;
  if (regions.length === 0) return 'a table without regions';
  if (regions.length > VHOST_USER_MEMORY_REGIONS_MAXIMUM) return `${regions.length} regions in a table`;
  return problemOfRegions(regions);
}

export function problemOfSlot({ regions, how }: CallOf<'memory-slot'>): string | undefined {
  if (regions.length !== 1) return `${regions.length} regions in a message of one`;
  return problemOfRegions(how === 'add' ? regions : regions.map((region) => ({ ...region, file: true })));
}

function problemOfRegions(regions: Regions): string | undefined {
  const seen = new Set<string>();
  for (const { memory, region, file, guestAddress, size, userAddress, mmapOffset, padding } of regions) {
    if (!file) return 'a region without its file';
    if (padding !== 0n) return 'padding of a region is not 0';
    if ([guestAddress, size, userAddress, mmapOffset].some((told) => told !== undefined)) {
      return 'a region is told as it is not';
    }
    const place = `${memory} ${region}`;
    if (seen.has(place)) return 'a region is there twice';
    seen.add(place);
  }
  return undefined;
}
