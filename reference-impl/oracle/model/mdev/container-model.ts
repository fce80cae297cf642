import { errno } from '../../../wire/errno.ts';
import { decodeStructure } from '../../../wire/structure.ts';
import {
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  vfioDmaMap,
  vfioDmaUnmap,
} from '../../../wire/vfio-structures.ts';
import type { CallCheck, Rule } from './call-check.ts';
import type { MdevFacts } from './mdev-shape.ts';
import { contains, overlaps, type Range } from './range.ts';

const END = 1n << 64n;
const knownFlags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;

const shortArgsz = { allowed: -errno.EINVAL, requirement: 'vm-memory/l2-short-argsz-refused' } as const;

/** The container of VFIO: what is mapped at which I/O-virtual addresses. */
export class ContainerModel {
  readonly #facts: MdevFacts;
  readonly #check: CallCheck;
  #mappings: readonly Range[] = [];

  constructor(facts: MdevFacts, check: CallCheck) {
    this.#facts = facts;
    this.#check = check;
  }

  get mappings(): readonly Range[] {
    return this.#mappings;
  }

  clear(): void {
    this.#mappings = [];
  }

  map(before: Uint8Array, result: number): void {
    const asked = decodeStructure(vfioDmaMap, before);
    if (asked === undefined) return;
    if (asked.argsz < vfioDmaMap.size) {
      this.#check.expect(`VFIO_IOMMU_MAP_DMA with argsz ${asked.argsz}`, result, shortArgsz);
      return;
    }
    const { flags, userAddress, ioVirtualAddress: start, size } = asked;
    const what = `VFIO_IOMMU_MAP_DMA of 0x${size.toString(16)} bytes at 0x${start.toString(16)}, flags ${flags}`;
    const rule = this.#mapRule(flags, userAddress, { start, size });
    if (this.#check.expect(what, result, rule) && result === 0) {
      this.#mappings = [...this.#mappings, { start, size, isLimited: flags !== knownFlags }];
    }
  }

  #mapRule(flags: number, userAddress: bigint, range: Range): Rule {
    const { pageSize, isMemory } = this.#facts;
    const rules: Rule[] = [];
    if (flags === 0 || (flags & ~knownFlags) !== 0) {
      rules.push({ allowed: -errno.EINVAL, requirement: 'vm-memory/l2-mapping-without-flags-refused' });
    }
    if (!this.#isWhole(range) || userAddress % BigInt(pageSize) !== 0n) {
      rules.push({ allowed: -errno.EINVAL, requirement: 'vm-memory/l2-unaligned-mapping-refused' });
    }
    if (this.#mappings.some((one) => overlaps(one, range))) {
      rules.push({ allowed: -errno.EEXIST, requirement: 'vm-memory/l2-mapping-twice-refused' });
    }
    // What the kernel says to memory that is not there is not stated.
    if (!isMemory(userAddress, range.size))
      rules.push({ allowed: 'any', requirement: 'vm-memory/l2-unmap-tells-bytes' });
    const [first] = rules;
    if (first === undefined) return { allowed: 0, requirement: 'vm-memory/l2-reaches-mapped-memory' };
    return rules.length === 1 ? first : { ...first, allowed: rules[1]?.allowed === 'any' ? 'any' : 'error' };
  }

  unmap(before: Uint8Array, after: Uint8Array, result: number): void {
    const asked = decodeStructure(vfioDmaUnmap, before);
    if (asked === undefined) return;
    if (asked.argsz < vfioDmaUnmap.size) {
      this.#check.expect(`VFIO_IOMMU_UNMAP_DMA with argsz ${asked.argsz}`, result, shortArgsz);
      return;
    }
    const { flags, ioVirtualAddress: start, size } = asked;
    const range = { start, size };
    const what = `VFIO_IOMMU_UNMAP_DMA of 0x${size.toString(16)} bytes at 0x${start.toString(16)}`;
    const isCut = this.#mappings.some((one) => overlaps(one, range) && !contains(range, one));
    if (flags !== 0 || !this.#isWhole(range)) {
      this.#check.expect(what, result, { allowed: 'error', requirement: 'vm-memory/l2-bad-unmapping-refused' });
      return;
    }
    const rule: Rule = isCut
      ? { allowed: -errno.EINVAL, requirement: 'vm-memory/l2-part-of-mapping-refused' }
      : { allowed: 0, requirement: 'vm-memory/l2-unmap-tells-bytes' };
    if (!this.#check.expect(what, result, rule) || isCut) return;
    const gone = this.#mappings.filter((one) => contains(range, one));
    const bytes = gone.reduce((sum, one) => sum + one.size, 0n);
    const told = decodeStructure(vfioDmaUnmap, after)?.size ?? 0n;
    this.#check.equal('vm-memory/l2-unmap-tells-bytes', `bytes that ${what} tells`, told, bytes);
    this.#mappings = this.#mappings.filter((one) => !gone.includes(one));
  }

  #isWhole({ start, size }: Range): boolean {
    return size > 0n && start + size <= END && (start | size) % BigInt(this.#facts.pageSize) === 0n;
  }
}
