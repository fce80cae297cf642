import { isFailure, MemoryMap, type Translation } from '../../../memory/memory-map.ts';
import type { RegionDescription } from '../../../vhost-user/memory-rules.ts';
import { isStarted } from '../../../vhost-user/ring-state.ts';
import { requestId } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { handling, inTable, vhostUserFault } from './vhost-user-fault.ts';

class UserRangesToo extends MemoryMap {
  override translate(...asked: Parameters<MemoryMap['translate']>): Translation {
    const [space, address, length, access] = asked;
    const found = super.translate(...asked);
    return space === 'guest-physical' && isFailure(found) ? super.translate('user', address, length, access) : found;
  }
}

class UserRangesFirst extends MemoryMap {
  override translate(...asked: Parameters<MemoryMap['translate']>): Translation {
    const [space, address, length, access] = asked;
    const inUserRanges = space === 'guest-physical' ? super.translate('user', address, length, access) : undefined;
    return inUserRanges === undefined || isFailure(inUserRanges) ? super.translate(...asked) : inUserRanges;
  }

  /** Leaves all lookups to `translate`. */
  override pieceOf(): undefined {
    return undefined;
  }
}

class OneRegionAtATime extends MemoryMap {
  override translate(...asked: Parameters<MemoryMap['translate']>): Translation {
    const found = super.translate(...asked);
    return !isFailure(found) && found.length > 1 ? 'region-edge' : found;
  }
}

const isAtSamePlace = (one: RegionDescription, other: RegionDescription): boolean =>
  one.guestAddress === other.guestAddress && one.size === other.size;

const endOfAddresses = 1n << 64n;

/** Memory tables and memory slots. */
export const memoryFaults = {
  'mem-table-added-to-earlier': vhostUserFault(
    'vu-memory/mem-table-replaces-regions',
    'regions of an earlier memory table stay in force beside the new ones',
    inTable('memory', (right) => ({
      outlives: (one, table) => !table.some((region) => right.overlaps(one, region)),
    })),
  ),
  'table-keeps-regions-told-again': vhostUserFault(
    'vu-memory/mem-table-replaces-regions',
    'a region at the guest-physical address of one before keeps the memory that was there',
    inTable('memory', (right) => ({
      outlives: (one, table) => table.some((region) => isAtSamePlace(one, region)),
      overlaps: (one, other) => !isAtSamePlace(one, other) && right.overlaps(one, other),
    })),
  ),
  'mmap-offset-ignored': vhostUserFault(
    'vu-memory/descriptor-maps-its-region-at-offset',
    'regions are mapped from the start of their file',
    inTable('memory', { mapping: ({ size }) => ({ size, offset: 0n }) }),
  ),
  'all-regions-from-first-descriptor': vhostUserFault(
    'vu-memory/descriptor-maps-its-region-at-offset',
    'in a table of more than two regions, all are mapped from the first descriptor',
    inTable('memory', { descriptorOf: (index, descriptors) => (descriptors > 2 ? 0 : index) }),
  ),
  'buffers-looked-up-by-user-address': vhostUserFault(
    'vu-memory/guest-and-user-ranges-kept-apart',
    'a buffer that is in no guest range is looked up in user ranges',
    inTable('memory', { makeMap: (regions) => new UserRangesToo(regions) }),
  ),
  'buffers-looked-up-by-user-address-first': vhostUserFault(
    'vu-memory/guest-and-user-ranges-kept-apart',
    'a buffer is looked up in user ranges, and then in guest ranges',
    inTable('memory', { makeMap: (regions) => new UserRangesFirst(regions) }),
  ),
  'buffers-across-regions-refused': vhostUserFault(
    'split/buffers-anywhere-in-memory',
    'a buffer that spans regions breaks the ring',
    inTable('memory', { makeMap: (regions) => new OneRegionAtATime(regions) }),
  ),
  'region-past-end-of-file-crashes': vhostUserFault(
    'vu-memory/region-past-end-of-file-survived',
    'a region past the end of its file ends in SIGBUS',
    handling('VHOST_USER_SET_MEM_TABLE', (right, session) => {
      const handled = right();
      if (handled.kind === 'refused' && handled.why.includes('end of the file')) session.edge.breakDown('bus-error');
      return handled;
    }),
  ),
  'unmappable-region-crashes': vhostUserFault(
    'vu-memory/region-past-end-of-file-survived',
    'it aborts at a region that ends beyond 64 TiB of its file',
    handling<{ readonly regions: readonly RegionDescription[] }>(
      'VHOST_USER_SET_MEM_TABLE',
      (right, session, { regions }) => {
        const isFar = regions.some(({ size, mmapOffset }) => size < 1n << 47n && size + mmapOffset >= 1n << 46n);
        const handled = right();
        if (isFar && handled.kind === 'refused' && handled.why.includes('end of the file'))
          session.edge.breakDown('abort');
        return handled;
      },
    ),
  ),
  'unsorted-regions-refused': vhostUserFault(
    'vu-memory/regions-taken-in-any-order',
    'a table whose regions do not rise by guest address is refused',
    handling<{ readonly regions: readonly RegionDescription[] }>(
      'VHOST_USER_SET_MEM_TABLE',
      (right, _session, { regions }) =>
        regions.every(({ guestAddress }, at) => guestAddress >= (regions[at - 1]?.guestAddress ?? 0n))
          ? right()
          : { kind: 'refused', why: 'regions are not sorted' },
    ),
  ),
  'overlapping-regions-taken': vhostUserFault(
    'vu-memory/overlapping-regions-survived',
    'regions that overlap are taken, although it says that it refuses them',
    inTable('memory', { overlaps: () => false }),
  ),
  'overlapping-regions-crash': vhostUserFault(
    'vu-memory/overlapping-regions-survived',
    'it aborts at regions that overlap',
    handling('VHOST_USER_SET_MEM_TABLE', (right, session) => {
      const handled = right();
      if (handled.kind === 'refused' && handled.why.includes('overlaps')) session.edge.breakDown('abort');
      return handled;
    }),
  ),
  'max-mem-slots-zero': vhostUserFault(
    'vu-memory/max-mem-slots-answered',
    'GET_MAX_MEM_SLOTS tells 0',
    inTable('memory', { toldSlots: () => 0 }),
  ),
  'add-mem-reg-forgets-the-others': vhostUserFault(
    'vu-memory/add-mem-reg-maps-one-region',
    'ADD_MEM_REG takes the place of the regions before it',
    handling<RegionDescription>('VHOST_USER_ADD_MEM_REG', (_right, session, region, { descriptors }) => {
      const why = session.memory.replace([region], descriptors, () => session.rings.reattach());
      return why === undefined ? { kind: 'done' } : { kind: 'refused', why };
    }),
  ),
  'add-mem-reg-ignored': vhostUserFault(
    'vu-memory/add-mem-reg-maps-one-region',
    'ADD_MEM_REG is acknowledged and nothing is mapped',
    handling('VHOST_USER_ADD_MEM_REG', () => ({ kind: 'done' })),
  ),
  'last-mem-slot-refused': vhostUserFault(
    'vu-memory/regions-up-to-slot-limit-added',
    'the last of the slots that were told of cannot be used',
    inTable('memory', { hasFreeSlot: (inUse, slots) => inUse < slots - 1 }),
  ),
  'region-over-slot-limit-accepted': vhostUserFault(
    'vu-memory/region-over-slot-limit-refused',
    'a region more than there are slots is accepted',
    inTable('memory', { hasFreeSlot: () => true }),
  ),
  'rem-mem-reg-compares-mmap-offset': vhostUserFault(
    'vu-memory/rem-mem-reg-ignores-mmap-offset',
    'REM_MEM_REG wants the mmap offset of the region, too',
    inTable('memory', (right) => ({
      isSame: (region, told) => right.isSame(region, told) && region.mmapOffset === told.mmapOffset,
    })),
  ),
  'rem-mem-reg-descriptor-crashes': vhostUserFault(
    'vu-memory/rem-mem-reg-with-descriptor-survived',
    'REM_MEM_REG with a descriptor ends in SIGBUS',
    handling('VHOST_USER_REM_MEM_REG', (right, session, _payload, { descriptors }) => {
      if (descriptors.length > 0) session.edge.breakDown('bus-error');
      return right();
    }),
  ),
  'rem-mem-reg-keeps-descriptor': vhostUserFault(
    'vu-memory/rem-mem-reg-descriptor-closed',
    'the descriptor of REM_MEM_REG is never closed',
    inTable('descriptors', { closesUntaken: (_, name) => name !== 'VHOST_USER_REM_MEM_REG' }),
  ),
  'removed-region-still-used': vhostUserFault(
    'vu-memory/removed-region-not-accessed',
    'REM_MEM_REG is acknowledged and the region stays in use',
    inTable('memory', { forgets: () => false }),
  ),
  'ring-in-removed-region-crashes': vhostUserFault(
    'vu-memory/removed-region-not-accessed',
    'it ends by SIGBUS where REM_MEM_REG removes the region of a ring that runs',
    handling<RegionDescription>('VHOST_USER_REM_MEM_REG', (right, session, region) => {
      const handled = right();
      const isWithin = (at: bigint): boolean => at >= region.userAddress && at - region.userAddress < region.size;
      const isHit = session.rings.vrings.some(
        ({ state, addresses }) => addresses !== undefined && isStarted(state) && isWithin(addresses.desc),
      );
      if (handled.kind === 'done' && isHit) session.edge.breakDown('bus-error');
      return handled;
    }),
  ),
  'unknown-region-removal-accepted': vhostUserFault(
    'vu-memory/unknown-region-removal-refused',
    'removing a region that is not there is said to have succeeded',
    handling('VHOST_USER_REM_MEM_REG', (right) => {
      const handled = right();
      return handled.kind === 'refused' ? { kind: 'done' } : handled;
    }),
  ),
  'descriptor-count-mismatch-accepted': vhostUserFault(
    'vu-memory/descriptor-count-mismatch-refused',
    'a memory table is accepted with more descriptors than regions, or with fewer',
    inTable('memory', {
      acceptsDescriptorCount: () => true,
      descriptorOf: (index, descriptors) => Math.min(index, descriptors - 1),
    }),
  ),
  'too-many-regions-crash': vhostUserFault(
    'vu-memory/too-many-regions-refused',
    'it aborts at a memory table of more than eight regions',
    inTable('stream', {
      breakdownAt: ({ request, size }) =>
        request === requestId.VHOST_USER_SET_MEM_TABLE && size > 8 + 8 * 32 ? 'abort' : undefined,
    }),
  ),
  'empty-region-crashes': vhostUserFault(
    'vu-memory/empty-or-overflowing-region-survived',
    'it aborts at a region of no bytes, and at one beyond the end of addresses',
    handling<{ readonly regions: readonly RegionDescription[] }>(
      'VHOST_USER_SET_MEM_TABLE',
      (right, session, { regions }) => {
        const isFatal = regions.some(
          ({ guestAddress, userAddress, size }) =>
            size === 0n || guestAddress + size > endOfAddresses || userAddress + size > endOfAddresses,
        );
        if (isFatal) session.edge.breakDown('abort');
        return right();
      },
    ),
  ),
} as const satisfies Record<string, VhostUserFault>;
