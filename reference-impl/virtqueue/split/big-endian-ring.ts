import { type Descriptor, SplitRing } from './ring-memory.ts';

const swap16 = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
const swap32 = (value: number): number => ((swap16(value & 0xffff) << 16) | swap16(value >>> 16)) >>> 0;
const swap64 = (value: bigint): bigint =>
  (BigInt(swap32(Number(value & 0xffff_ffffn))) << 32n) | BigInt(swap32(Number((value >> 32n) & 0xffff_ffffn)));

/** The same split ring of a legacy driver whose native byte order is the other one (virtio 2.7.3): each field is big-endian. */
export class BigEndianSplitRing extends SplitRing {
  override readonly isBigEndian = true;

  override writeDescriptor(index: number, { addr, len, flags, next }: Partial<Descriptor>): void {
    super.writeDescriptor(index, {
      ...(addr === undefined ? {} : { addr: swap64(addr) }),
      ...(len === undefined ? {} : { len: swap32(len) }),
      ...(flags === undefined ? {} : { flags: swap16(flags) }),
      ...(next === undefined ? {} : { next: swap16(next) }),
    });
  }

  override setDescriptor(index: number, addr: bigint, len: number, flags: number, next: number): void {
    super.setDescriptor(index, swap64(addr), swap32(len), swap16(flags), swap16(next));
  }

  override readDescriptor(index: number): Descriptor {
    const { addr, len, flags, next } = super.readDescriptor(index);
    return { addr: swap64(addr), len: swap32(len), flags: swap16(flags), next: swap16(next) };
  }

  override availFlags(): number {
    return swap16(super.availFlags());
  }
  override setAvailFlags(value: number): void {
    super.setAvailFlags(swap16(value));
  }
  override availIdx(): number {
    return swap16(super.availIdx());
  }
  override setAvailIdx(value: number): void {
    super.setAvailIdx(swap16(value));
  }
  override availHead(slot: number): number {
    return swap16(super.availHead(slot));
  }
  override setAvailHead(slot: number, head: number): void {
    super.setAvailHead(slot, swap16(head));
  }
  override usedEvent(): number {
    return swap16(super.usedEvent());
  }
  override setUsedEvent(value: number): void {
    super.setUsedEvent(swap16(value));
  }

  override usedFlags(): number {
    return swap16(super.usedFlags());
  }
  override setUsedFlags(value: number): void {
    super.setUsedFlags(swap16(value));
  }
  override usedIdx(): number {
    return swap16(super.usedIdx());
  }
  override setUsedIdx(value: number): void {
    super.setUsedIdx(swap16(value));
  }
  override usedId(slot: number): number {
    return swap32(super.usedId(slot));
  }
  override usedLen(slot: number): number {
    return swap32(super.usedLen(slot));
  }
  override setUsedElement(slot: number, id: number, len: number): void {
    super.setUsedElement(slot, swap32(id), swap32(len));
  }
  override availEvent(): number {
    return swap16(super.availEvent());
  }
  override setAvailEvent(value: number): void {
    super.setAvailEvent(swap16(value));
  }
}
