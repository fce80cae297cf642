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

/** The layout of a program's memory. The kernel maps whole pages alone: it gets the usual one. */
export function programLayout(name: LayoutName, mapsPages: boolean): GuestLayout {
  if (name !== withinPages.name) return guestLayouts[name as Exclude<LayoutName, 'within-pages'>];
  return mapsPages ? guestLayouts['below-and-above-4gib'] : withinPages;
}
