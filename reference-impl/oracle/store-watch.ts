import { DESCRIPTOR_SIZE } from '../virtqueue/descriptor.ts';
import type { DriverRing } from '../virtqueue/driver-ring.ts';
import { FLAGS_OFFSET, ID_OFFSET, LEN_OFFSET } from '../virtqueue/packed/layout.ts';
import type { GuestRing, RingArea } from '../virtqueue/ring.ts';
import { USED_ELEMENT_SIZE, USED_IDX_OFFSET, usedElementOffset } from '../virtqueue/split/layout.ts';
import { type Invariant, type InvariantViolation, requirementOfInvariant } from './invariants.ts';

/** VIRTQ_DESC_F_AVAIL in the lower byte of the flags of a packed descriptor, VIRTQ_DESC_F_USED in the upper one. */
const MARK = 0x80;

export interface StoreWatchOptions {
  readonly ring: GuestRing;
  readonly driver: DriverRing;
  /** On a receive ring: how many buffers the packet has whose first buffer is `id`; undefined where that is not known. */
  readonly buffersOfPacket?: (id: number) => number | undefined;
  /** A used element became visible. */
  readonly shown?: (id: number, len: number) => void;
  readonly found: (violation: InvariantViolation) => void;
}

/**
 * Looks between two stores of a device to a ring, which a device of this process tells of one by one: what a used
 * element says is written before it is shown, and the buffers of a packet are shown by one store.
 */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  /** Packed, by slot: the device has shown its used descriptor. */
  readonly #isShown: Uint8Array;
  #shownIdx: number;

  constructor(options: StoreWatchOptions) {
    const { ring } = options;
    this.#options = options;
    this.#isShown = new Uint8Array(ring.layout === 'packed' ? ring.size : 0);
    this.#shownIdx = ring.layout === 'split' ? this.#usedIdx() : 0;
  }

  /** The driver wrote descriptors from this slot on: they are no used ones any more. */
  added(slot: number, count: number): void {
    for (let n = 0; n < count && n < this.#isShown.length; n++) this.#isShown[(slot + n) % this.#isShown.length] = 0;
  }

  /** One store was made: memory holds it already. */
  stored(area: RingArea, offset: number, length: number): void {
    switch (this.#options.ring.layout) {
      case 'split':
        if (area === 'device') this.#storedUsed(offset);
        break;
      case 'packed':
        if (area === 'descriptor') this.#storedDescriptor(offset, length);
    }
  }

  #storedUsed(offset: number): void {
    const { ring, driver } = this.#options;
    if (offset === USED_IDX_OFFSET) {
      this.#checkPackets();
      return;
    }
    if (offset < usedElementOffset(0) || offset >= usedElementOffset(ring.size)) return;
    const slot = Math.floor((offset - usedElementOffset(0)) / USED_ELEMENT_SIZE);
    const behind = (this.#shownIdx - 1 - slot + 2 * 0x1_0000) % ring.size;
    const shown = driver.usedCount();
    // More than there can be: the used idx in memory was set by hand.
    if (shown <= driver.outstanding && behind < shown) this.#tellLate(`used element in slot ${slot}`);
  }

  #storedDescriptor(offset: number, length: number): void {
    const slot = Math.floor(offset / DESCRIPTOR_SIZE);
    const field = offset % DESCRIPTOR_SIZE;
    if (field < FLAGS_OFFSET && this.#isShown[slot] === 1) this.#tellLate(`used descriptor in slot ${slot}`);
    if (field + length <= FLAGS_OFFSET) return;
    const { view } = this.#options.ring.areas.descriptor;
    const at = slot * DESCRIPTOR_SIZE + FLAGS_OFFSET;
    const isUsed = (((view[at] as number) ^ (view[at + 1] as number)) & MARK) === 0;
    if (!isUsed) return;
    this.#isShown[slot] = 1;
    const fields = new DataView(view.buffer, view.byteOffset + slot * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE);
    this.#options.shown?.(fields.getUint16(ID_OFFSET, true), fields.getUint32(LEN_OFFSET, true));
    this.#checkShownPackets();
  }

  #checkPackets(): void {
    const { ring, buffersOfPacket } = this.#options;
    const now = this.#usedIdx();
    const from = this.#shownIdx;
    this.#shownIdx = now;
    this.#tellShown(from, now);
    if (buffersOfPacket === undefined) return;
    const shown = (now - from) & 0xffff;
    const { view } = ring.areas.device;
    let at = 0;
    while (at < shown) {
      const buffers = buffersOfPacket(idAt(view, (from + at) % ring.size));
      if (buffers === undefined) return;
      at += Math.max(1, buffers);
    }
    if (at === shown) return;
    this.#tell(
      'packetTogether',
      'buffers that one move of the used idx shows',
      `${at}, as num_buffers of their packets says`,
      String(shown),
    );
  }

  /** Packed: what the driver may take is whole packets, whichever store showed it. */
  #checkShownPackets(): void {
    const { driver, buffersOfPacket } = this.#options;
    if (buffersOfPacket === undefined) return;
    const ids = driver.usedIds();
    let at = 0;
    while (at < ids.length) {
      const buffers = buffersOfPacket(ids[at] as number);
      if (buffers === undefined) return;
      at += Math.max(1, buffers);
    }
    if (at === ids.length) return;
    const what = 'buffers that the driver may take';
    this.#tell('packetTogether', what, `${at}, as num_buffers of their packets says`, String(ids.length));
  }

  #tellShown(from: number, now: number): void {
    const { ring, shown } = this.#options;
    const count = (now - from) & 0xffff;
    // More than there can be: the used idx in memory was set by hand.
    if (shown === undefined || count > ring.size) return;
    const { view } = ring.areas.device;
    for (let n = 0; n < count; n++) {
      const slot = (from + n) % ring.size;
      shown(idAt(view, slot), lenAt(view, slot));
    }
  }

  #usedIdx(): number {
    const { view } = this.#options.ring.areas.device;
    return (view[USED_IDX_OFFSET] as number) | ((view[USED_IDX_OFFSET + 1] as number) << 8);
  }

  #tellLate(what: string): void {
    this.#tell('elementBeforeShown', what, 'written before it is shown', 'written once it was shown');
  }

  #tell(invariant: Invariant, what: string, expected: string, actual: string): void {
    const requirement = requirementOfInvariant(invariant, this.#options.ring.layout);
    if (requirement !== undefined) this.#options.found({ requirement, what, expected, actual });
  }
}

function idAt(used: Uint8Array, slot: number): number {
  const at = usedElementOffset(slot);
  return (used[at] as number) | ((used[at + 1] as number) << 8);
}

function lenAt(used: Uint8Array, slot: number): number {
  const at = usedElementOffset(slot) + 4;
  return new DataView(used.buffer, used.byteOffset, used.byteLength).getUint32(at, true);
}
