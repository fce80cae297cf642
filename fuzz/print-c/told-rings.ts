import { packedSizes } from '../../reference-impl/virtqueue/packed/layout.ts';
import { splitSizes } from '../../reference-impl/virtqueue/split/layout.ts';
import { VHOST_USER_HEADER_SIZE } from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { Extent, MemoryShadow } from './memory-shadow.ts';

const ringPacked = 1n << 34n;
const numberMask = 0xff;
/** Offset of the used idx in the used ring, and of the flags in a descriptor of a packed ring. */
const usedIdxOffset = 2;
const availIdxOffset = 2;
const flagsOffset = 14;
const descriptorSize = 16;
/** Flags of a packed descriptor: available where they differ, used or never used where they are equal. */
const markBits = 0x8080;

interface ToldRing {
  size: number;
  /** What the device writes: the used ring, or the event structure of a packed one. */
  device: Extent | undefined;
  /** Of a packed ring: both sides write here. */
  descriptors: Extent | undefined;
  /** Of a split ring: the available idx. */
  availIdx: Extent | undefined;
  isStopping: boolean;
}

/** The rings that messages of one session told, as far as they can be read. */
export class ToldRings {
  readonly #shadow: MemoryShadow;
  readonly #rings = new Map<number, ToldRing>();
  #isPacked = false;
  #usedIdx: Extent | undefined;

  constructor(shadow: MemoryShadow) {
    this.#shadow = shadow;
  }

  /** Where the used idx of the split ring lies that was told last. */
  get usedIdx(): Extent | undefined {
    return this.#usedIdx;
  }

  /** Places with which chains become available, in the order of addresses of each ring. */
  get publishing(): Extent[] {
    return [...this.#rings.values()].flatMap(({ descriptors, availIdx }) => [
      ...(availIdx === undefined ? [] : [availIdx]),
      ...(descriptors === undefined ? [] : flagsOf(descriptors)),
    ]);
  }

  sending(bytes: Uint8Array): void {
    if (bytes.length < VHOST_USER_HEADER_SIZE + 8) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const body = VHOST_USER_HEADER_SIZE;
    const ring = (): ToldRing => this.#ring(view.getUint32(body, true) & numberMask);
    switch (view.getUint32(0, true)) {
      case requestId.VHOST_USER_SET_FEATURES:
        this.#isPacked = (view.getBigUint64(body, true) & ringPacked) !== 0n;
        return;
      case requestId.VHOST_USER_SET_VRING_NUM:
        ring().size = view.getUint32(body + 4, true) & 0xffff;
        return;
      case requestId.VHOST_USER_SET_VRING_ADDR:
        if (bytes.length >= body + 32) {
          const [descriptors, used, available] = [8, 16, 24].map((at) => view.getBigUint64(body + at, true));
          this.#told(ring(), descriptors ?? 0n, used ?? 0n, available ?? 0n);
        }
        return;
      case requestId.VHOST_USER_GET_VRING_BASE:
        ring().isStopping = true;
    }
  }

  /** What the device wrote before it answered is its own; it writes nothing more to a ring that it stopped. */
  received(): void {
    for (const ring of this.#rings.values()) if (ring.isStopping) this.#taken(ring);
  }

  /** The connection ended. */
  ended(): void {
    for (const ring of this.#rings.values()) this.#taken(ring);
  }

  /** Before changes are asked for: descriptors that the device marked as used are not ours. */
  learnUsed(): void {
    for (const { descriptors } of this.#rings.values()) {
      if (descriptors === undefined) continue;
      const { region, offset, length } = descriptors;
      for (let at = offset; at + descriptorSize <= offset + length; at += descriptorSize) {
        if (!isAvailable(region.bytes, at)) this.#shadow.learnUsed(region, at, descriptorSize, isAvailable);
      }
    }
  }

  #ring(index: number): ToldRing {
    const known = this.#rings.get(index);
    if (known !== undefined) return known;
    const made = { size: 0, device: undefined, descriptors: undefined, availIdx: undefined, isStopping: false };
    this.#rings.set(index, made);
    return made;
  }

  #told(ring: ToldRing, descriptors: bigint, used: bigint, available: bigint): void {
    this.#taken(ring);
    const sizes = this.#isPacked ? packedSizes(ring.size) : splitSizes(ring.size);
    ring.device = this.#shadow.extentAt(used, sizes.device);
    ring.descriptors = this.#isPacked ? this.#shadow.extentAt(descriptors, sizes.descriptor) : undefined;
    ring.availIdx = this.#isPacked ? undefined : this.#shadow.extentAt(available + BigInt(availIdxOffset), 2);
    if (ring.device === undefined) return;
    this.#shadow.leave(ring.device);
    this.#usedIdx = this.#isPacked ? undefined : { ...ring.device, offset: ring.device.offset + usedIdxOffset };
  }

  #taken(ring: ToldRing): void {
    ring.isStopping = false;
    if (ring.device !== undefined) this.#shadow.take(ring.device);
    ring.device = undefined;
    ring.descriptors = undefined;
    ring.availIdx = undefined;
  }
}

function flagsOf({ region, offset, length }: Extent): Extent[] {
  const count = Math.floor(length / descriptorSize);
  return Array.from({ length: count }, (_, at) => ({
    region,
    offset: offset + at * descriptorSize + flagsOffset,
    length: 2,
  }));
}

function isAvailable(bytes: Uint8Array, at: number): boolean {
  const flags = ((bytes[at + flagsOffset] ?? 0) | ((bytes[at + flagsOffset + 1] ?? 0) << 8)) & markBits;
  return flags !== 0 && flags !== markBits;
}
