import { isFailure } from '../../../memory/memory-map.ts';
import { gather } from '../../../memory/pieces.ts';
import type { DeviceRingOptions } from '../../../virtqueue/attach-area.ts';
import type { Chain } from '../../../virtqueue/chain.ts';
import { DESCRIPTOR_SIZE, VIRTQ_DESC_F_INDIRECT, VIRTQ_DESC_F_NEXT } from '../../../virtqueue/descriptor.ts';
import type { PackedRing } from '../../../virtqueue/packed/ring-memory.ts';
import type { SplitRing } from '../../../virtqueue/split/ring-memory.ts';

/** A descriptor of a chain as the ring has it. */
export interface RawDescriptor {
  readonly place: number;
  readonly addr: bigint;
  readonly len: number;
  readonly flags: number;
  /** Split rings alone; elsewhere 0. */
  readonly next: number;
}

/** The descriptors of a chain that was found well formed, those of its table left out. */
export function splitDescriptors(ring: SplitRing, { id }: Chain): RawDescriptor[] {
  const found: RawDescriptor[] = [];
  for (let place = id; place < ring.size && found.length < ring.size; ) {
    const descriptor = ring.readDescriptor(place);
    found.push({ place, ...descriptor });
    if ((descriptor.flags & VIRTQ_DESC_F_NEXT) === 0) break;
    place = descriptor.next;
  }
  return found;
}

export function packedDescriptors(ring: PackedRing, slot: number, { slots }: Chain): RawDescriptor[] {
  return Array.from({ length: slots }, (_, n) => {
    const place = (slot + n) % ring.size;
    const { addr, len, flags } = ring.readDescriptor(place);
    return { place, addr, len, flags, next: 0 };
  });
}

/** The entries of the table that a chain ends in: flags and next of each, as that layout has them. */
export function tableEntries(
  descriptors: readonly RawDescriptor[],
  { memory, bufferSpace }: Pick<DeviceRingOptions, 'memory' | 'bufferSpace'>,
  layout: 'split' | 'packed',
): RawDescriptor[] {
  const last = descriptors.at(-1);
  if (last === undefined || (last.flags & VIRTQ_DESC_F_INDIRECT) === 0) return [];
  const pieces = memory.translate(bufferSpace, last.addr, last.len, 'read');
  if (isFailure(pieces)) return [];
  const bytes = gather(pieces);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: Math.floor(bytes.length / DESCRIPTOR_SIZE) }, (_, place) => {
    const at = place * DESCRIPTOR_SIZE;
    return {
      place,
      addr: view.getBigUint64(at, true),
      len: view.getUint32(at + 8, true),
      flags: view.getUint16(at + (layout === 'split' ? 12 : 14), true),
      next: layout === 'split' ? view.getUint16(at + 14, true) : 0,
    };
  });
}
