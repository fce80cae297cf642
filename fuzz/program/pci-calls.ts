import { bytes, choice, reference, u16, u32 } from './arguments.ts';
import type { CallDescription } from './call-description.ts';

/**
 * What a function of virtio over PCI shows: configuration space, the structures that its capabilities tell of, and `window`,
 * the fields of the PCI configuration access capability from their first byte on.
 */
export const pciPlaces = ['space', 'common', 'notify', 'isr', 'device', 'window'] as const;
export type PciPlace = (typeof pciPlaces)[number];

/** Accesses to a function of virtio over PCI, from the first byte of a place on. */
export const pciCalls = {
  'pci-read': {
    tag: 39,
    arguments: { session: reference(1, 'session'), place: choice(2, pciPlaces), offset: u32(3), length: u16(4, 256) },
  },
  'pci-write': {
    tag: 40,
    arguments: { session: reference(1, 'session'), place: choice(2, pciPlaces), offset: u32(3), bytes: bytes(4) },
  },
  /** Sets the window to a part of a structure, and writes `bytes` through it; reads where there are none. */
  'pci-window': {
    tag: 41,
    arguments: {
      session: reference(1, 'session'),
      place: choice(2, pciPlaces),
      offset: u32(3),
      length: u32(4, 1),
      bytes: bytes(5),
    },
  },
} as const satisfies Record<string, CallDescription>;
