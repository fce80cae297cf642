import { guestAddress, ioVirtualAddress, userAddress } from '../../reference-impl/memory/addresses.ts';
import { type GuestLayout, guestLayouts, type RegionLayout } from '../../reference-impl/memory/guest-layout.ts';
import type { CallOf } from '../program/program.ts';

type LayoutName = CallOf<'memory'>['layout'];

const bytes = 0x10_0000 - 0x200;

const region = (at: bigint, file: number): RegionLayout => ({
  guestAddress: guestAddress(at),
  userAddress: userAddress(0x7e00_0000_0000n + at),
  ioVirtualAddress: ioVirtualAddress(0x2000_0000_0000n + at),
  size: bytes,
  file,
  mmapOffset: 0x1000n,
});

/**
 * Regions with a page ahead of them in their file, and that end within a page: a back-end cannot map them without the
 * bytes beside them, so that a write there is seen.
 */
const withinPages: GuestLayout = {
  name: 'within-pages',
  regions: [region(0x10_0000n, 0), region(0x1_4000_0000n, 1)],
};

const crossedRegion = (guest: bigint, user: bigint, file: number): RegionLayout => ({
  guestAddress: guestAddress(guest),
  userAddress: userAddress(user),
  ioVirtualAddress: ioVirtualAddress(0x2000_0000_0000n + guest),
  size: crossedBytes,
  file,
  mmapOffset: 0n,
});
const crossedBytes = 0x8_0000;

/** Each region has the user addresses that are guest-physical ones of the other. */
const crossed: GuestLayout = {
  name: 'crossed',
  regions: [crossedRegion(0x4000_0000n, 0x5000_0000n, 0), crossedRegion(0x5000_0000n, 0x4000_0000n, 1)],
};

/**
 * The layout of a program's memory. The kernel maps whole pages alone, at addresses of this process: it gets the usual one
 * for those of programs alone.
 */
export function programLayout(name: LayoutName, mapsPages: boolean): GuestLayout {
  if (name !== 'within-pages' && name !== 'crossed') return guestLayouts[name];
  if (mapsPages) return guestLayouts['below-and-above-4gib'];
  return name === 'crossed' ? crossed : withinPages;
}
