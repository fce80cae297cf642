import type { MappedRegion } from '../memory/mapped-region.ts';
import type { IotlbEntry, MemoryMap } from '../memory/memory-map.ts';
import type { AwaitedPages } from './awaited-pages.ts';
import { type BackEndEdge, type DescriptorToken, isRefusedMap, type SharedMemory } from './back-end-edge.ts';
import type { IotlbRules } from './iotlb-rules.ts';
import type { MemoryRules, RegionDescription } from './memory-rules.ts';

type AwaitedRegion = MappedRegion & { readonly arrivals?: AwaitedPages | undefined };

/** A region that is in force, with the memory behind it. */
export interface HeldRegion {
  readonly told: RegionDescription;
  readonly memory: SharedMemory;
  readonly region: AwaitedRegion;
}

/** The memory that a front-end has shared. Either a change is carried out whole, or nothing changes. */
export class FrontEndMemory {
  readonly #edge: BackEndEdge;
  readonly #rules: MemoryRules;
  readonly #iotlbRules: IotlbRules;
  #held: readonly HeldRegion[] = [];
  #map: MemoryMap;
  /** Of memory that is mapped from now on: which of its pages are there. Absent where all are. */
  arrivalsOf: ((memory: SharedMemory) => AwaitedPages) | undefined;

  constructor(edge: BackEndEdge, rules: MemoryRules, iotlbRules: IotlbRules) {
    this.#edge = edge;
    this.#rules = rules;
    this.#iotlbRules = iotlbRules;
    this.#map = rules.makeMap([]);
  }

  /** The regions in force. A new object after every change. */
  get map(): MemoryMap {
    return this.#map;
  }

  get held(): readonly HeldRegion[] {
    return this.#held;
  }

  /** Of the memory that is there already, pages may be missing as well. */
  awaitAgain(): void {
    this.#hold(this.#held.map((held) => ({ ...held, region: this.#regionOf(held.told, held.memory) })));
  }

  /** SET_MEM_TABLE. Answers why it cannot be. `settle` is called once the new map is in force, before the old goes. */
  replace(
    regions: readonly RegionDescription[],
    descriptors: readonly DescriptorToken[],
    settle: () => void,
  ): string | undefined {
    const rules = this.#rules;
    if (regions.length > rules.largestTable) return `${regions.length} regions`;
    if (!rules.acceptsDescriptorCount(regions.length, descriptors.length)) {
      return `${descriptors.length} descriptors for ${regions.length} regions`;
    }
    const before = this.#held;
    const kept = before.filter(({ told }) => rules.outlives(told, regions));
    const fresh: HeldRegion[] = [];
    for (const [index, region] of regions.entries()) {
      const others = [...kept, ...fresh].map(({ told }) => told);
      const token = descriptors[rules.descriptorOf(index, descriptors.length)];
      const held = token === undefined ? 'no descriptor' : this.#mapped(region, token, others);
      if (typeof held === 'string') {
        for (const { memory } of fresh) memory.unmap();
        return held;
      }
      fresh.push(held);
    }
    this.#hold([...kept, ...fresh]);
    settle();
    for (const { told, memory } of before) if (!rules.outlives(told, regions)) memory.unmap();
    return undefined;
  }

  /** ADD_MEM_REG. */
  add(region: RegionDescription, token: DescriptorToken): string | undefined {
    if (!this.#rules.hasFreeSlot(this.#held.length, this.#rules.slots)) return 'no free slot';
    const held = this.#mapped(
      region,
      token,
      this.#held.map(({ told }) => told),
    );
    if (typeof held === 'string') return held;
    this.#hold([...this.#held, held]);
    return undefined;
  }

  /** REM_MEM_REG. */
  remove(region: RegionDescription, settle: () => void): string | undefined {
    const gone = this.#held.find(({ told }) => this.#rules.isSame(told, region));
    if (gone === undefined) return 'no such region';
    if (!this.#rules.forgets(region)) return undefined;
    this.#hold(this.#held.filter((held) => held !== gone));
    settle();
    gone.memory.unmap();
    return undefined;
  }

  /** VHOST_IOTLB_UPDATE; false, and nothing changed, where the entry does not lead into the memory. */
  updateIotlb(entry: IotlbEntry): boolean {
    const { acceptsUpdate, stored } = this.#iotlbRules;
    if (!acceptsUpdate(this.#map, entry)) return false;
    this.#map.updateIotlb(stored(entry));
    return true;
  }

  /** VHOST_IOTLB_INVALIDATE. */
  invalidateIotlb(ioVirtualAddress: bigint, size: bigint): void {
    if (this.#iotlbRules.invalidates) this.#map.invalidateIotlb(ioVirtualAddress, size);
  }

  release(): void {
    for (const { memory } of this.#held) memory.unmap();
  }

  #mapped(
    region: RegionDescription,
    token: DescriptorToken,
    others: readonly RegionDescription[],
  ): HeldRegion | string {
    const rules = this.#rules;
    if (others.some((other) => rules.overlaps(region, other))) return 'it overlaps another region';
    const { size, offset } = rules.mapping(region);
    const memory = this.#edge.mapRegion(token, size, offset);
    if (isRefusedMap(memory)) return memory.refused;
    return { told: region, memory, region: this.#regionOf(region, memory) };
  }

  #regionOf(told: RegionDescription, memory: SharedMemory): AwaitedRegion {
    return { ...this.#rules.placed(told), bytes: memory.bytes, arrivals: this.arrivalsOf?.(memory) };
  }

  /** Entries of the IOTLB go with the table that they lead into: what is needed of them is asked for again. */
  #hold(held: readonly HeldRegion[]): void {
    this.#held = held;
    this.#map = this.#rules.makeMap(held.map(({ region }) => region));
  }
}
