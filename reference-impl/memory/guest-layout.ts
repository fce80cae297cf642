import { type Addresses, guestAddress, ioVirtualAddress, userAddress } from './addresses.ts';

/** One region before it has memory. `file` numbers the memory file it is a part of, from `mmapOffset` on. */
export interface RegionLayout extends Addresses {
  readonly size: number;
  readonly file: number;
  readonly mmapOffset: bigint;
}

/** Where the memory of a Guest lies in its three address spaces: data, so that cases and properties can vary it. */
export interface GuestLayout {
  readonly name: string;
  readonly regions: readonly RegionLayout[];
}

const MIB = 0x10_0000;

/**
 * User and I/O-virtual addresses follow from the guest-physical one by distances that differ, and that keep adjacency:
 * regions adjacent for the guest are adjacent everywhere.
 */
function region(at: bigint, size: number, file: number, mmapOffset = 0n): RegionLayout {
  return {
    guestAddress: guestAddress(at),
    userAddress: userAddress(0x7e00_0000_0000n + (at & 0xff_ffff_ffffn)),
    ioVirtualAddress: ioVirtualAddress(0x2000_0000_0000n + (at & 0xff_ffff_ffffn)),
    size,
    file,
    mmapOffset,
  };
}

const layout = (name: string, ...regions: RegionLayout[]): GuestLayout => ({ name, regions });

/** The presets. Every region is a multiple of 4096 bytes at multiples of 4096. */
export const guestLayouts = {
  'below-and-above-4gib': layout('below-and-above-4gib', region(0x10_0000n, MIB, 0), region(0x1_4000_0000n, MIB, 1)),
  'single-region': layout('single-region', region(0x4000_0000n, MIB, 0)),
  'adjacent-regions': layout(
    'adjacent-regions',
    region(0x8000_0000n, MIB / 2, 0),
    region(0x8008_0000n, MIB / 2, 1),
    region(0x8010_0000n, MIB / 2, 2),
  ),
  /** Adjacent at 4 GiB, and above it. */
  'adjacent-at-4gib': layout(
    'adjacent-at-4gib',
    region(0xfff8_0000n, MIB / 2, 0),
    region(0x1_0000_0000n, MIB / 2, 1),
    region(0x1_0008_0000n, MIB / 2, 2),
  ),
  'one-file': layout(
    'one-file',
    region(0x10_0000n, MIB / 2, 0, 0x20_0000n),
    region(0x1_0000_0000n, MIB / 2, 0, 0x1000n),
  ),
  'eight-regions': layout(
    'eight-regions',
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => region(0x100_0000n + BigInt(n) * 0x2345_6000n, MIB / 4, n)),
  ),
  'crossing-4gib': layout('crossing-4gib', region(0xfff8_0000n, MIB, 0)),
  /** Ends 4096 bytes below 2^48: what lies there needs 48 bits, and no end is 2^64, which some back-ends refuse. */
  'high-addresses': layout('high-addresses', region(0x10_0000n, MIB / 2, 0), region(0xffff_fff7_f000n, MIB / 2, 1)),
  /** The last byte of a region is the last of the guest-physical range. */
  'end-of-range': layout('end-of-range', region(0x10_0000n, MIB / 2, 0), region(0xffff_ffff_fff8_0000n, MIB / 2, 1)),
} as const satisfies Record<string, GuestLayout>;

export type GuestLayoutName = keyof typeof guestLayouts;

export const defaultGuestLayout: GuestLayout = guestLayouts['below-and-above-4gib'];

/** Bytes that each memory file of the layout must hold, by file number. */
export function fileSizes(of: GuestLayout): number[] {
  const sizes: number[] = [];
  for (const { file, mmapOffset, size } of of.regions) {
    sizes[file] = Math.max(sizes[file] ?? 0, Number(mmapOffset) + size);
  }
  return Array.from(sizes, (size) => size ?? 0);
}
