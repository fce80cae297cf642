import type { DescriptorSource } from '../../drivers/port/port.ts';
import type { Call } from '../program/program.ts';
import { withinRegion } from '../program/region-offset.ts';
import type { MadeThings } from './made-things.ts';
import { toldMapping } from './told-regions.ts';
import { type DoorOutcome, type PciDoor, skipped, type VfioDoor } from './transport-door.ts';

/** What one program may map of regions, and vectors that it may set at once. */
const mostMappings = 64;
const mostVectors = 64;

/** The kinds of calls that a VFIO device alone has. */
export const vfioKinds = ['region-read', 'region-write', 'region-map', 'device-call', 'container-call'] as const;
export type VfioCall = Extract<Call, { readonly kind: (typeof vfioKinds)[number] }>;

/** Carries out a call of a program on a VFIO device or its container. */
export function vfioCall(vfio: VfioDoor, call: VfioCall, made: MadeThings, source: DescriptorSource): DoorOutcome {
  switch (call.kind) {
    case 'region-read':
      return vfio.read(call.region, withinRegion(call.offset), call.length);
    case 'region-write':
      return vfio.write(call.region, withinRegion(call.offset), call.bytes);
    case 'region-map':
      if (made.mappings.length >= mostMappings) return skipped;
      return vfio.map(call, (mapping) => made.mappings.push(mapping));
    case 'device-call': {
      const events: number[] = [];
      const descriptors = made.placesOf(source, call.descriptors.slice(0, mostVectors), events);
      made.events.set(call.id, events);
      return vfio.device(call, descriptors);
    }
    case 'container-call': {
      const told = toldMapping(made, call);
      return told === undefined ? skipped : vfio.container(call, told);
    }
  }
}

export type PciCall = Extract<Call, { readonly kind: 'pci-read' | 'pci-write' | 'pci-window' }>;

/** Carries out an access of a program to a function of virtio over PCI. */
export function pciCall(pci: PciDoor, call: PciCall): DoorOutcome {
  switch (call.kind) {
    case 'pci-read':
      return pci.read(call);
    case 'pci-write':
      return pci.write(call);
    case 'pci-window':
      return pci.window(call);
  }
}
