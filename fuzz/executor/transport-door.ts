import type { ControlOutcome, Guest, VfioMapping } from '../../drivers/port/port.ts';
import type { IotlbMessage } from '../../reference-impl/wire/vdpa-structures.ts';
import type { CallOf } from '../program/program.ts';

/** What came of a raw door: a control outcome, a reply, or that something was sent and nothing asked behind it. */
export type DoorOutcome =
  | ControlOutcome
  | { readonly kind: 'answered'; readonly bytes: Uint8Array }
  | { readonly kind: 'sent' }
  | { readonly kind: 'skipped' };

export const skipped: DoorOutcome = { kind: 'skipped' };
export const sent: DoorOutcome = { kind: 'sent' };

/** A region as a table tells it, with the descriptor of its file; -1 for none. */
export interface ToldRegion {
  readonly guestAddress: bigint;
  readonly size: bigint;
  readonly userAddress: bigint;
  readonly ioVirtualAddress: bigint;
  readonly mmapOffset: bigint;
  readonly descriptor: number;
  /** Of vhost-mdev. */
  readonly padding?: bigint;
}

/** What only the transport of a session has, behind one interface. What the transport lacks is skipped. */
export interface TransportDoor {
  /** Feature words as they are, offered or not. */
  negotiateExactly(call: CallOf<'negotiate'>): DoorOutcome;
  message(call: CallOf<'message'>, payload: Uint8Array, descriptors: readonly number[]): DoorOutcome;
  bytes(bytes: Uint8Array, descriptors: readonly number[]): DoorOutcome;
  /** Memory whose translations are not told ahead, where the transport has them. */
  shareUntold?(guest: Guest): DoorOutcome;
  memoryTable(regions: readonly ToldRegion[], count: number): DoorOutcome;
  memorySlot(how: 'add' | 'remove', region: ToldRegion): DoorOutcome;
  /** Tells the translation of a buffer, of a session that asks for such. */
  translate?(mapping: ToldMapping, permission: number): DoorOutcome;
  /** Takes translations back. */
  dropTranslation?(mapping: ToldMapping): DoorOutcome;
  /** A message of the IOTLB, as far as so many bytes; none where the device is told otherwise what is mapped. */
  iotlb?(message: IotlbMessage, bytes: number | undefined): DoorOutcome;
  channel(policy: CallOf<'channel'>['policy']): DoorOutcome;
  shutdown(how: 'write' | 'both'): DoorOutcome;
  /** The calls of VFIO, where the transport has them. */
  readonly vfio: VfioDoor | undefined;
  /** Accesses to a function of virtio over PCI, of sessions on one. */
  readonly pci?: PciDoor;
}

/** Accesses to a function of virtio over PCI. */
export interface PciDoor {
  read(call: CallOf<'pci-read'>): DoorOutcome;
  write(call: CallOf<'pci-write'>): DoorOutcome;
  window(call: CallOf<'pci-window'>): DoorOutcome;
}

/** Calls on an open VFIO device and its container. */
export interface VfioDoor {
  read(region: number, offset: number, length: number): DoorOutcome;
  write(region: number, offset: number, bytes: Uint8Array): DoorOutcome;
  /** @param keep takes the mapping, which stays until the end of the program. */
  map(call: CallOf<'region-map'>, keep: (mapping: VfioMapping) => void): DoorOutcome;
  /** @param descriptors what `set-interrupts` has in front of its other data. */
  device(call: CallOf<'device-call'>, descriptors: readonly number[]): DoorOutcome;
  container(call: CallOf<'container-call'>, region: ToldMapping): DoorOutcome;
}

/** What is mapped where. */
export interface ToldMapping {
  readonly ioVirtualAddress: bigint;
  readonly userAddress: bigint;
  readonly size: bigint;
}
