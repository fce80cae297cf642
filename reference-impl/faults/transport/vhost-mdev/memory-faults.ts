import { isFailure, MemoryMap } from '../../../memory/memory-map.ts';
import type { MdevState, TableRegion } from '../../../vhost-mdev/mdev-state.ts';
import type { MdevOutcome } from '../../../vhost-mdev/message-rules.ts';
import { ringsInUse } from '../../../vhost-mdev/ring-set.ts';
import { BrokenDown } from '../../../vhost-user/back-end-edge.ts';
import { errno } from '../../../wire/errno.ts';
import { MDEV_MEMORY_REGIONS_MAXIMUM } from '../../../wire/mdev-messages.ts';
import { VFIO_DMA_MAP_FLAG_WRITE } from '../../../wire/vfio-structures.ts';
import type { MdevFault } from '../../fault.ts';
import { inMdevTable, mdevFault, mdevHandling } from './mdev-fault.ts';

const MIB = 0x10_0000n;
const FOUR_GIB = 1n << 32n;
const LAST_ADDRESSES = 0xffff_ffff_ffff_0000n;

/** What the container of layout L2 maps. */
const container = {
  'mdev-memory-mapped-once': mdevFault(
    'vm-memory/l2-reaches-mapped-memory',
    'memory can be mapped at one I/O-virtual address only',
    inMdevTable('dma', ({ mapError }) => ({
      mapError: (request, mappings, pageSize) =>
        mappings.some(({ userAddress }) => userAddress === request.userAddress)
          ? errno.EEXIST
          : mapError(request, mappings, pageSize),
    })),
  ),
  'mdev-mapping-over-4-gib-refused': mdevFault(
    'vm-memory/l2-reaches-memory-mapped-late',
    'a mapping over a boundary of 4 GiB is refused',
    inMdevTable('dma', ({ mapError }) => ({
      mapError: (request, mappings, pageSize) => {
        const { ioVirtualAddress, size } = request;
        const crosses = ioVirtualAddress / FOUR_GIB !== (ioVirtualAddress + size - 1n) / FOUR_GIB;
        return crosses ? errno.EINVAL : mapError(request, mappings, pageSize);
      },
    })),
  ),
  'mdev-unmapped-memory-reached': mdevFault(
    'vm-memory/l2-unmapped-buffer-not-written',
    'what was unmapped is still reached where it was of 1 MiB',
    inMdevTable('dma', { keepsUnmapped: ({ size }) => size === MIB }),
  ),
  'mdev-unmapped-ring-served': mdevFault(
    'vm-memory/l2-unmapped-ring-not-touched',
    'what was unmapped is still reached where it was of 512 KiB',
    inMdevTable('dma', { keepsUnmapped: ({ size }) => size === MIB / 2n }),
  ),
  'mdev-change-of-memory-stops-others': mdevFault(
    'vm-memory/l2-unmap-leaves-other-rings',
    'a ring of two entries rests once memory comes or goes while the device runs',
    inMdevTable('ring', { goesOnInOtherMemory: ({ size }) => size !== 2 }),
  ),
  'mdev-lost-ring-begins-anew': mdevFault(
    'vm-memory/l2-ring-mapped-again-goes-on',
    'a ring that loses its memory behind its eleventh chain begins at 0',
    inMdevTable('ring', { resumedBase: (base) => (base === 11 ? 0 : base) }),
  ),
  'mdev-write-only-memory-not-written': mdevFault(
    'vm-memory/l2-reaches-mapped-memory',
    'memory that is mapped to be written alone can only be read',
    inMdevTable('dma', ({ permissionOf }) => ({
      permissionOf: (flags) => (flags === VFIO_DMA_MAP_FLAG_WRITE ? 'read' : permissionOf(flags)),
    })),
  ),
  'mdev-read-only-memory-written': mdevFault(
    'vm-memory/l2-read-only-memory-not-written',
    'what is mapped to be read alone can be written',
    inMdevTable('dma', ({ permissionOf }) => ({
      permissionOf: (flags) => (permissionOf(flags) === 'read' ? 'read-write' : permissionOf(flags)),
    })),
  ),
  'mdev-mapping-twice-taken': mdevFault(
    'vm-memory/l2-mapping-twice-refused',
    'what is mapped already can be mapped once more',
    inMdevTable('dma', ({ mapError }) => ({
      mapError: (request, _, pageSize) => mapError(request, [], pageSize),
    })),
  ),
  'mdev-unaligned-mapping-taken': mdevFault(
    'vm-memory/l2-unaligned-mapping-refused',
    'a mapping may begin and end anywhere',
    inMdevTable('dma', ({ mapError }) => ({
      mapError: (request, mappings) => mapError(request, mappings, 1n),
    })),
  ),
  'mdev-mapping-flags-ignored': mdevFault(
    'vm-memory/l2-mapping-without-flags-refused',
    'unknown flags of a mapping are ignored',
    inMdevTable('dma', ({ mapError }) => ({
      mapError: (request, mappings, pageSize) => mapError({ ...request, flags: request.flags & 3 }, mappings, pageSize),
    })),
  ),
  'mdev-unmap-tells-what-was-asked': mdevFault(
    'vm-memory/l2-unmap-tells-bytes',
    'an unmapping tells the bytes that it was asked for',
    inMdevTable('dma', { unmappedBytes: (_, asked) => asked }),
  ),
  'mdev-part-of-mapping-taken': mdevFault(
    'vm-memory/l2-part-of-mapping-refused',
    'unmapping a part of a mapping is taken and does nothing',
    inMdevTable('dma', ({ unmapError }) => ({
      unmapError: (request, _, pageSize) => unmapError(request, [], pageSize),
    })),
  ),
  'mdev-short-argsz-of-mapping-taken': mdevFault(
    'vm-memory/l2-short-argsz-refused',
    'the argsz of a call on the container is not looked at',
    inMdevTable('dma', { acceptsArgsz: () => true }),
  ),
  'mdev-container-takes-bad-pointers': mdevFault(
    'vm-identity/bad-pointers-refused',
    'a call on the container whose argument cannot be read is said to be done',
    inMdevTable('dma', { badPointer: 0 }),
  ),
  'mdev-unmapping-flags-ignored': mdevFault(
    'vm-memory/l2-bad-unmapping-refused',
    'flags of an unmapping are ignored',
    inMdevTable('dma', ({ unmapError }) => ({
      unmapError: (request, mappings, pageSize) => unmapError({ ...request, flags: 0 }, mappings, pageSize),
    })),
  ),
  'mdev-unaligned-unmapping-taken': mdevFault(
    'vm-memory/l2-bad-unmapping-refused',
    'an unmapping may begin and end anywhere',
    inMdevTable('dma', ({ unmapError }) => ({
      unmapError: (request, mappings) => unmapError(request, mappings, 1n),
    })),
  ),
} as const satisfies Record<string, MdevFault>;

interface Table {
  readonly device: MdevState;
  readonly right: () => MdevOutcome;
  /** Regions that the table says it has. */
  readonly count: number;
  readonly padding: number;
  /** Bytes of the payload. */
  readonly size: number;
  /** Those of its regions that are there. */
  readonly regions: readonly (TableRegion & { readonly flags: bigint })[];
}

/** Takes the place of SET_MEM_TABLE in one of the layouts. */
const atTable = (layout: 'l1' | 'l2', handle: (table: Table) => MdevOutcome) =>
  mdevHandling('VHOST_SET_MEM_TABLE', (right, device, payload, size) => {
    if (device.rules.layout.name !== layout) return right();
    const count = payload.getUint32(0, true);
    const there = Math.max(0, Math.min(count, Math.floor((size - 8) / 32)));
    const regions = Array.from({ length: there }, (_, n) => {
      const at = (field: number): bigint => payload.getBigUint64(8 + 32 * n + 8 * field, true);
      return { guestAddress: at(0), size: at(1), userAddress: at(2), flags: at(3) };
    });
    return handle({ device, right, count, padding: payload.getUint32(4, true), size, regions });
  });

/** A table of layout L1 that is refused by rights is taken where it is meant, and ignored. */
const ignored = (isMeant: (table: Table) => boolean) =>
  atTable('l1', (table) => {
    const outcome = table.right();
    return outcome !== 0 && isMeant(table) ? 0 : outcome;
  });

const meets = (start: (region: TableRegion) => bigint, regions: readonly TableRegion[]): boolean =>
  regions.some((a) => regions.some((b) => a !== b && start(a) < start(b) + b.size && start(b) < start(a) + a.size));

/** Tables of before, as a device that adds to them keeps them. */
const earlier = new WeakMap<MdevState, readonly TableRegion[]>();

/** The memory table of layout L1. */
const table = {
  'mdev-table-of-l2-refused': mdevFault(
    'vm-memory/l2-table-ignored',
    'a memory table is refused in layout L2',
    atTable('l2', () => errno.EINVAL),
  ),
  'mdev-table-of-l2-counts': mdevFault(
    'vm-memory/l2-table-ignored',
    'a memory table of no regions in layout L2 takes what is mapped away',
    atTable('l2', ({ device, right, count }) => {
      if (count === 0) device.container.clear();
      return right();
    }),
  ),
  'mdev-table-of-four-regions': mdevFault(
    'vm-memory/l1-reaches-table-memory',
    'of a table of eight regions the first four count',
    atTable('l1', ({ device, right, count, regions }) =>
      count === 8 ? device.setMemoryTable(regions.slice(0, 4)) : right(),
    ),
  ),
  'mdev-descending-table-refused': mdevFault(
    'vm-memory/l1-reaches-table-memory',
    'a table that does not begin with the lowest of its regions is refused',
    atTable('l1', ({ right, regions: [first, ...others] }) =>
      first !== undefined && others.some(({ guestAddress }) => guestAddress < first.guestAddress)
        ? errno.EINVAL
        : right(),
    ),
  ),
  'mdev-table-adds-to-the-one-before': mdevFault(
    'vm-memory/l1-table-replaces-one-before',
    'a table adds to the one of before, once a ring is known',
    atTable('l1', ({ device, right, regions }) => {
      const before = ringsInUse(device.rings.records) > 0 ? (earlier.get(device) ?? []) : [];
      earlier.set(device, regions);
      const added = before.filter((one) => !meets(({ guestAddress }) => guestAddress, [one, ...regions]));
      return added.length === 0 ? right() : device.setMemoryTable([...regions, ...added]);
    }),
  ),
  'mdev-table-of-no-regions-ignored': mdevFault(
    'vm-memory/l1-table-replaces-one-before',
    'a table of no regions is taken and ignored',
    atTable('l1', ({ right, count }) => (count === 0 ? 0 : right())),
  ),
  'mdev-table-while-running-refused': mdevFault(
    'vm-memory/l1-table-while-running-taken',
    'a table fails with EBUSY while the device runs',
    atTable('l1', ({ device, right }) => (device.isRunning ? errno.EBUSY : right())),
  ),
  'mdev-smaller-table-ignored': mdevFault(
    'vm-memory/l1-removed-region-not-written',
    'a table with fewer regions than the one of before is ignored while the device runs',
    atTable('l1', ({ device, right, count }) =>
      device.isRunning && count < device.memory.regions.length ? 0 : right(),
    ),
  ),
  'mdev-table-of-64-regions-refused': mdevFault(
    'vm-memory/l1-table-of-64-regions-taken',
    'a table of 64 regions is one too many',
    atTable('l1', ({ right, count }) => (count === MDEV_MEMORY_REGIONS_MAXIMUM ? errno.E2BIG : right())),
  ),
  'mdev-table-beyond-64-taken': mdevFault(
    'vm-memory/l1-table-beyond-64-refused',
    'a table of more than 64 regions is taken and ignored',
    ignored(({ count }) => count > MDEV_MEMORY_REGIONS_MAXIMUM),
  ),
  'mdev-table-of-any-size-taken': mdevFault(
    'vm-memory/l1-table-size-checked',
    'a table may be longer than its count says, and is ignored then',
    ignored(({ count, size }) => size > 8 + 32 * count),
  ),
  'mdev-empty-region-taken': mdevFault(
    'vm-memory/l1-empty-region-refused',
    'a table with a region of no bytes is taken and ignored',
    ignored(({ regions }) => regions.some(({ size }) => size === 0n)),
  ),
  'mdev-overlap-by-guest-address-taken': mdevFault(
    'vm-memory/l1-overlapping-regions-refused',
    'regions that overlap by guest address are taken and ignored',
    ignored(({ regions }) => meets(({ guestAddress }) => guestAddress, regions)),
  ),
  'mdev-overlap-by-user-address-taken': mdevFault(
    'vm-memory/l1-overlapping-regions-refused',
    'regions that overlap by user address are taken and ignored',
    ignored(({ regions }) => meets(({ userAddress }) => userAddress, regions)),
  ),
  'mdev-table-padding-ignored': mdevFault(
    'vm-memory/l1-padding-refused',
    'what stands in the padding of a table is ignored',
    ignored(({ padding }) => padding !== 0),
  ),
  'mdev-region-flags-ignored': mdevFault(
    'vm-memory/l1-padding-refused',
    'what stands in the flags of a region is ignored',
    ignored(({ regions }) => regions.some(({ flags }) => flags !== 0n)),
  ),
  'mdev-memory-nowhere-taken': mdevFault(
    'vm-memory/l1-memory-nowhere-refused',
    'a table with user addresses where nothing is is taken and ignored',
    atTable('l1', ({ right }) => {
      const outcome = right();
      return outcome === errno.EFAULT ? 0 : outcome;
    }),
  ),
  'mdev-refused-table-forgets-memory': mdevFault(
    'vm-memory/l1-refused-table-changes-nothing',
    'a table that is refused leaves no memory',
    atTable('l1', ({ device, right }) => {
      const outcome = right();
      if (outcome !== 0) device.rings.table = new MemoryMap();
      return outcome;
    }),
  ),
} as const satisfies Record<string, MdevFault>;

/** Whether a descriptor of a ring has a buffer in the last 64 KiB that there are addresses for. */
function hasBufferAtEnd({ rings, memory, rules }: MdevState, queue: number): boolean {
  const { size = 0, addresses } = rings.records[queue] ?? {};
  if (size === 0 || addresses === undefined) return false;
  const pieces = memory.translate(rules.layout.ringSpace, addresses.desc, 16 * size);
  const [piece] = isFailure(pieces) ? [] : pieces;
  if (piece === undefined) return false;
  const table = new DataView(piece.bytes.buffer, piece.bytes.byteOffset + piece.offset, piece.length);
  for (let at = 0; at + 16 <= piece.length; at += 16) if (table.getBigUint64(at, true) >= LAST_ADDRESSES) return true;
  return false;
}

/** When memory is told of, beside rings; and buffers outside it. */
const order = {
  'mdev-buffer-at-end-of-addresses-crashes': mdevFault(
    'vm-memory/buffers-outside-memory-refused',
    'a doorbell of a ring with a buffer at the end of the address space crashes the device',
    inMdevTable('doorbell', ({ carryOut }) => ({
      carryOut: (device, queue, count) => {
        if (hasBufferAtEnd(device, queue)) throw new BrokenDown('abort');
        return carryOut(device, queue, count);
      },
    })),
  ),
  'mdev-start-without-memory-taken': mdevFault(
    'vm-memory/start-without-memory-fails',
    'a start without any memory is taken, and starts nothing',
    mdevHandling('VHOST_DEVICE_SET_STATE', (right, { memory, isRunning }) =>
      memory.regions.length === 0 && !isRunning ? 0 : right(),
    ),
  ),
  'mdev-addresses-before-memory-refused': mdevFault(
    'vm-memory/memory-may-come-after-rings',
    'addresses of a ring are refused while there is no memory',
    mdevHandling('VHOST_SET_VRING_ADDR', (right, { memory }) => (memory.regions.length === 0 ? errno.EFAULT : right())),
  ),
} as const satisfies Record<string, MdevFault>;

/** Mappings of the container in layout L2, and the memory table of layout L1. */
export const mdevMemoryFaults = { ...container, ...table, ...order } as const satisfies Record<string, MdevFault>;
