/** The raw door of virtio over PCI: configuration space, structures of the BARs, interrupts, and the calls of VFIO. */
import type { CommonConfigField } from '../../reference-impl/wire/virtio-pci.ts';
import type { ControlOutcome } from './outcome.ts';
import type { Session } from './session.ts';
import type { VfioDevice } from './vhost-mdev-door.ts';

/** A capability of the list in configuration space. */
export interface PciCapability {
  readonly id: number;
  /** Where in configuration space it begins. */
  readonly at: number;
}

/** A structure that a vendor capability shows. */
export interface PciStructure extends PciCapability {
  /** VIRTIO_PCI_CAP_*_CFG. */
  readonly type: number;
  readonly bar: number;
  readonly structureId: number;
  readonly offset: number;
  readonly length: number;
  /** As its capability says: `cap_len`. */
  readonly capabilityLength: number;
}

export type AccessWidth = 1 | 2 | 4;

/** The list of capabilities as it was walked, and why the walk ended where it does not end with the list. */
export interface PciCapabilityList {
  readonly all: readonly PciCapability[];
  readonly brokenBy: string | undefined;
}

/**
 * A virtio function. A negative number is an error number, negated, ENXIO where the structure is missing; a refusal is never
 * a throw.
 */
export interface VirtioPciFunction {
  /** One access to configuration space. */
  readConfigSpace(offset: number, width: AccessWidth): number;
  writeConfigSpace(offset: number, width: AccessWidth, value: number): number;
  /** Walks the list anew. */
  capabilities(): PciCapabilityList;
  /** Of all vendor capabilities, those that have the fields of struct virtio_pci_cap. */
  structures(): readonly PciStructure[];
  /** The first that the driver can use of a type. */
  structure(type: number): PciStructure | undefined;
  /** One access to a BAR. */
  readBar(bar: number, offset: number, width: AccessWidth): number;
  writeBar(bar: number, offset: number, width: AccessWidth, value: number): number;
  /** A field of the common configuration. */
  read(field: CommonConfigField): number;
  write(field: CommonConfigField, value: number): number;
  /** Reads the ISR status, which clears it. */
  readIsr(): number;
  /** Entries of the MSI-X table; 0 without that capability. */
  vectors(): number;
}

/** An open virtio function, with the doors for what no well-behaved driver does. */
export interface VirtioPciSession extends Session {
  readonly pci: VirtioPciFunction;
  /** The calls of VFIO: memory, interrupts, the reset of the function. */
  readonly vfio: VfioDevice;
  /** Interrupts for configuration that came since the last call. The first call maps them to a vector. */
  takeConfigInterrupts(): number;
  /**
   * Gives the pin this event, and no queue a vector from now on: their calls are not counted. To be used ahead of MSI-X.
   * An error number negated, or no failure.
   */
  usePin(event: number): number;
  /** Lets the pin signal again, which is masked once it did. An error number negated, or no failure. */
  unmaskPin(): number;
  /** Has `attach` map a queue to this vector. */
  useVector(index: number, vector: number): void;
  /**
   * Resets a queue and waits for it; features must allow it.
   * @param meanwhile acts once the reset has begun, before its progress is looked at.
   */
  resetQueue(index: number, meanwhile?: () => void): ControlOutcome;
  /** DRIVER_OK, if it is not set yet: `attach` leaves that to the first use of a ring. */
  run(): ControlOutcome;
  /** Closes the device as it is. */
  abandon(): void;
}
