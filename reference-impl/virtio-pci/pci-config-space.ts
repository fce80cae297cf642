import {
  MSIX_ENABLE,
  PCI_CAP_ID_MSIX,
  PCI_CAP_ID_VNDR,
  PCI_CONFIG_SIZE,
  pciHeader,
  pciStatus,
  VIRTIO_PCI_CAP_SIZE,
  virtioPciCap,
  virtioPciCapabilities,
} from '../wire/virtio-pci.ts';
import { type FunctionShape, functionStructures, MSIX_PENDING, STRUCTURE_CAPABILITY_SIZE } from './pci-layout.ts';
import type { ListedCapability, RunningDevice, ShownStructure } from './pci-rules.ts';

/** Where the capability of MSI-X lies, ahead of all others. */
const MSIX_CAPABILITY = 0x40;
const MSIX_CAPABILITY_SIZE = 12;
/** The byte of message control with the bit that enables MSI-X, and nothing of a table as small as ours. */
const MSIX_ENABLE_AT = MSIX_CAPABILITY + 3;
/** Accesses that can be made through the window. */
const windowLengths = [1, 2, 4];

/** What configuration space needs of the function. */
export interface ShownFunction extends RunningDevice {
  readonly isInterruptPending: boolean;
  /** Bytes of the BAR with the structures at an offset, by an access of that length. */
  readBar(offset: number, target: Uint8Array): void;
  writeBar(offset: number, source: Uint8Array): void;
}

export interface ConfigSpaceOptions extends FunctionShape {
  readonly deviceId: number;
  readonly device: ShownFunction;
}

/**
 * Configuration space of a virtio function: its header and the list of its capabilities. A driver leaves alone what is
 * read-only, and has the window look into the BAR with the structures, as no other has anything for it.
 */
export class FunctionConfigSpace {
  readonly #options: ConfigSpaceOptions;
  readonly #bytes = new Uint8Array(PCI_CONFIG_SIZE);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #list: ListedCapability[] = [{ at: MSIX_CAPABILITY, type: undefined }];

  constructor(options: ConfigSpaceOptions) {
    this.#options = options;
    this.#makeHeader();
    this.#makeMsix();
    const structures = options.rules.capabilities.shown(functionStructures(options));
    for (const [n, structure] of structures.entries())
      this.#makeStructure(MSIX_CAPABILITY + MSIX_CAPABILITY_SIZE + n * STRUCTURE_CAPABILITY_SIZE, structure);
  }

  get isMsixEnabled(): boolean {
    return this.#view.getUint8(MSIX_ENABLE_AT) !== 0;
  }

  /** What a driver writes into message control; under VFIO the kernel does. */
  setMsixEnabled(enabled: boolean): void {
    this.#view.setUint8(MSIX_ENABLE_AT, enabled ? MSIX_ENABLE >> 8 : 0);
  }

  read(offset: number, target: Uint8Array): void {
    const { rules, device } = this.#options;
    this.#view.setUint8(
      pciHeader.status,
      pciStatus.CAPABILITY_LIST | (device.isInterruptPending ? pciStatus.INTERRUPT : 0),
    );
    this.#link();
    const window = this.#windowOf(offset);
    if (window !== undefined && rules.capabilities.windowReads) device.readBar(window.offset, window.data);
    target.set(this.#bytes.subarray(offset, offset + target.length));
    rules.capabilities.wasRead(this.#bytes, offset, target.length);
  }

  write(offset: number, source: Uint8Array): void {
    const { rules, device } = this.#options;
    this.#bytes.set(source, offset);
    const window = this.#windowOf(offset);
    if (window !== undefined && rules.capabilities.windowWrites) device.writeBar(window.offset, window.data);
  }

  /** What an access to the data of the window reaches; undefined for another access, and where there is no such. */
  #windowOf(at: number): { readonly offset: number; readonly data: Uint8Array } | undefined {
    const window = this.#list.find(({ type }) => type === virtioPciCapabilities.VIRTIO_PCI_CAP_PCI_CFG)?.at ?? 0;
    const dataAt = window + VIRTIO_PCI_CAP_SIZE;
    if (at !== dataAt) return undefined;
    const offset = this.#view.getUint32(window + virtioPciCap.offset, true);
    const asked = this.#view.getUint32(window + virtioPciCap.structureLength, true);
    const length = this.#options.rules.capabilities.windowLength(asked);
    return windowLengths.includes(length) ? { offset, data: this.#bytes.subarray(at, at + length) } : undefined;
  }

  #makeHeader(): void {
    const { rules, deviceId } = this.#options;
    const { identity } = rules;
    const view = this.#view;
    view.setUint16(pciHeader.vendorId, identity.vendorId, true);
    view.setUint16(pciHeader.deviceId, identity.deviceId(deviceId), true);
    view.setUint8(pciHeader.revisionId, identity.revisionId);
    view.setUint8(pciHeader.subsystemId, identity.subsystemId(deviceId));
  }

  #makeMsix(): void {
    const { vectors, tableBar } = this.#options.rules.identity;
    const view = this.#view;
    view.setUint8(MSIX_CAPABILITY, PCI_CAP_ID_MSIX);
    view.setUint16(MSIX_CAPABILITY + 2, vectors - 1, true);
    // The low three bits of both offsets are the number of the BAR.
    view.setUint32(MSIX_CAPABILITY + 4, tableBar, true);
    view.setUint32(MSIX_CAPABILITY + 8, MSIX_PENDING | tableBar, true);
  }

  #makeStructure(at: number, structure: ShownStructure): void {
    const { type, barOrVendor, offset, length, capabilityLength, extra } = structure;
    const view = this.#view;
    view.setUint8(at, PCI_CAP_ID_VNDR);
    view.setUint8(at + virtioPciCap.length, capabilityLength);
    view.setUint8(at + virtioPciCap.type, type);
    view.setUint16(at + virtioPciCap.bar, barOrVendor, true);
    view.setUint32(at + virtioPciCap.offset, offset, true);
    view.setUint32(at + virtioPciCap.structureLength, length, true);
    view.setUint32(at + VIRTIO_PCI_CAP_SIZE, extra, true);
    this.#list.push({ at, type });
  }

  /** Has each capability of the list point at the next. */
  #link(): void {
    const { rules, device } = this.#options;
    const places = rules.capabilities.linked(this.#list, device).map(({ at }) => at);
    const pointers = [pciHeader.capabilities, ...places.map((at) => at + 1)];
    for (const [n, pointer] of pointers.entries()) this.#bytes[pointer] = places[n] ?? 0;
  }
}
