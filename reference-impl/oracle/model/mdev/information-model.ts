import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { errno } from '../../../wire/errno.ts';
import { decodeStructure } from '../../../wire/structure.ts';
import {
  VFIO_DEVICE_FLAGS_PCI,
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_DEVICE_FLAGS_VHOST,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
  VFIO_REGION_SPAN,
  vfioDeviceInfo,
  vfioIrqInfo,
  vfioRegionInfo,
} from '../../../wire/vfio-structures.ts';
import type { CallCheck } from './call-check.ts';
import type { MdevFacts } from './mdev-shape.ts';

const channelSizeOfL2 = 0x100_0000n;
const readWrite = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;

interface ToldRegion {
  readonly size: bigint;
  readonly offset: bigint;
}

/** What a device tells of itself: flags, regions, interrupts. */
export class InformationModel {
  readonly #facts: MdevFacts;
  readonly #check: CallCheck;
  readonly #regions = new Map<number, ToldRegion>();
  /** As the device counts them; undefined before it was asked. */
  #regionCount: number | undefined;
  #interruptCount: number | undefined;

  constructor(facts: MdevFacts, check: CallCheck) {
    this.#facts = facts;
    this.#check = check;
  }

  /** Bytes of a region, where they are known. */
  sizeOf(index: number): bigint | undefined {
    return this.#regions.get(index)?.size;
  }

  device(before: Uint8Array, after: Uint8Array, result: number): void {
    const asked = decodeStructure(vfioDeviceInfo, before);
    const check = this.#check;
    const what = 'VFIO_DEVICE_GET_INFO';
    if (asked === undefined) return;
    if (asked.argsz < vfioDeviceInfo.size) {
      check.expect(what, result, { allowed: -errno.EINVAL, requirement: 'vm-identity/short-argsz-refused' });
      return;
    }
    if (!check.expect(what, result, { allowed: 0, requirement: 'vm-identity/long-argsz-taken' })) return;
    const told = decodeStructure(vfioDeviceInfo, after);
    if (told === undefined) return;
    const { shape } = this.#facts;
    const isPci = shape.name === 'l1';
    const own = isPci ? VFIO_DEVICE_FLAGS_PCI : VFIO_DEVICE_FLAGS_VHOST;
    const ownFlag = isPci ? 'vm-identity/l1-is-a-pci-device' : 'vm-identity/l2-has-the-vhost-flag';
    check.equal(ownFlag, 'the flag of the layout', told.flags & own, own);
    const { flags } = told;
    check.equal('vm-identity/reset-is-announced', 'the flag of reset', flags & VFIO_DEVICE_FLAGS_RESET, 1);
    check.equal('vm-identity/no-other-flags', 'further flags', flags & ~(own | VFIO_DEVICE_FLAGS_RESET), 0);
    const regions = isPci ? 'vm-identity/l1-counts-pci-regions' : 'vm-identity/l2-has-two-regions';
    const interrupts = isPci ? 'vm-identity/l1-counts-msix-index' : 'vm-identity/l2-has-one-interrupt-index';
    this.#count(regions, 'regions', told.numRegions, shape.regions);
    this.#count(interrupts, 'interrupt indices', told.numIrqs, shape.interruptIndices);
    this.#regionCount = told.numRegions;
    this.#interruptCount = told.numIrqs;
  }

  region(before: Uint8Array, after: Uint8Array, result: number): void {
    const asked = decodeStructure(vfioRegionInfo, before);
    const check = this.#check;
    if (asked === undefined) return;
    const { index, argsz } = asked;
    const what = `VFIO_DEVICE_GET_REGION_INFO of index ${index}`;
    if (argsz < vfioRegionInfo.size) {
      check.expect(what, result, { allowed: 'error', requirement: 'vm-regions/short-argsz-refused' });
      return;
    }
    if (index >= (this.#regionCount ?? this.#facts.shape.regions)) {
      if (this.#regionCount === undefined && !this.#facts.shape.isExact) return;
      check.expect(what, result, { allowed: -errno.EINVAL, requirement: 'vm-regions/index-beyond-count-refused' });
      return;
    }
    if (!check.expect(what, result, { allowed: 0, requirement: 'vm-regions/index-is-repeated' })) return;
    const told = decodeStructure(vfioRegionInfo, after);
    if (told === undefined) return;
    check.equal('vm-regions/index-is-repeated', `the index of region ${index}`, told.index, index);
    this.#flags(index, told.flags);
    this.#size(index, told.size);
    this.#place(index, told);
  }

  interrupts(before: Uint8Array, after: Uint8Array, result: number): void {
    const asked = decodeStructure(vfioIrqInfo, before);
    const check = this.#check;
    if (asked === undefined) return;
    const { index, argsz } = asked;
    const { shape, rings } = this.#facts;
    const what = `VFIO_DEVICE_GET_IRQ_INFO of index ${index}`;
    const isUnknown = index >= (this.#interruptCount ?? shape.interruptIndices);
    if (argsz < vfioIrqInfo.size || isUnknown) {
      if (isUnknown && this.#interruptCount === undefined && !shape.isExact) return;
      const requirement = isUnknown ? 'vm-irq/info-of-unknown-index-refused' : 'vm-irq/info-short-argsz-refused';
      check.expect(what, result, { allowed: -errno.EINVAL, requirement });
      return;
    }
    if (!check.expect(what, result, { allowed: 0, requirement: 'vm-irq/vector-for-each-ring' })) return;
    const told = decodeStructure(vfioIrqInfo, after);
    if (told === undefined) return;
    if (index !== shape.interrupts) {
      check.equal('vm-irq/l1-other-indices-have-no-vectors', `vectors of index ${index}`, told.count, 0);
      return;
    }
    check.equal('vm-irq/vectors-are-events', 'the flags of the interrupts', told.flags, VFIO_IRQ_INFO_EVENTFD);
    check.equal('vm-irq/vector-for-each-ring', 'vectors of the rings', told.count, rings);
  }

  #count(requirement: RequirementSlug, what: string, actual: number, least: number): void {
    const { isExact } = this.#facts.shape;
    const isHeld = isExact ? actual === least : actual >= least;
    this.#check.holds(isHeld, requirement, what, isExact ? String(least) : `${least} at least`, String(actual));
  }

  #flags(index: number, flags: number): void {
    const { shape } = this.#facts;
    const what = `the flags of region ${index}`;
    if (index === shape.messages) {
      this.#check.equal('vm-regions/channel-is-read-and-written', what, flags, readWrite);
    } else if (index === shape.doorbells && shape.name === 'l2') {
      const expected = readWrite | VFIO_REGION_INFO_FLAG_MMAP;
      this.#check.equal('vm-regions/l2-doorbells-can-be-mapped', what, flags, expected);
    }
  }

  #size(index: number, size: bigint): void {
    const { shape, rings, pageSize } = this.#facts;
    const check = this.#check;
    const what = `bytes of region ${index}`;
    if (index === shape.doorbells) {
      check.equal('vm-regions/doorbell-page-for-each-ring', what, size, BigInt(rings * pageSize));
    } else if (index === shape.messages) {
      if (shape.name === 'l2') check.equal('vm-regions/l2-channel-size', what, size, channelSizeOfL2);
      else check.holds(size > 0n, 'vm-regions/l1-bars-have-bytes', what, '1 at least', '0');
    } else if (index !== shape.msixTable && index !== shape.pciConfig) {
      check.equal('vm-regions/l1-other-indices-are-empty', what, size, 0n);
    }
  }

  #place(index: number, { size, offset }: ToldRegion): void {
    const check = this.#check;
    for (const [other, region] of this.#regions) {
      if (other === index || size === 0n || region.size === 0n) continue;
      const isApart = offset + size <= region.offset || region.offset + region.size <= offset;
      const what = `the places of regions ${other} and ${index}`;
      check.holds(isApart, 'vm-regions/regions-lie-apart', what, 'apart', 'overlapping');
    }
    if (this.#facts.shape.name === 'l2') {
      const what = `where region ${index} begins`;
      check.equal('vm-regions/l2-offset-is-index-shifted', what, offset, BigInt(index) * BigInt(VFIO_REGION_SPAN));
    }
    this.#regions.set(index, { size, offset });
  }
}
