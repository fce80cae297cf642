import {
  MSIX_ENABLE,
  PCI_CAP_ID_MSIX,
  PCI_CAP_ID_VNDR,
  PCI_CONFIG_SIZE,
  pciCommand,
  pciHeader,
  pciStatus,
  VIRTIO_PCI_CAP_SIZE,
  virtioPciCap,
  virtioPciCapabilities,
  virtioPciCapExtra,
} from '../wire/virtio-pci.ts';
import {
  barSizes,
  type FunctionShape,
  functionStructures,
  MSIX_BAR,
  msixPendingOffset,
  VENDOR_CAPABILITY_SIZE,
} from './pci-layout.ts';
import type { ShownStructure } from './pci-rules.ts';

/** Class codes (base class, subclass) by virtio device id; 0xff00 is a device of no class. */
const classOf: Readonly<Record<number, number>> = { 1: 0x0200, 2: 0x0180 };
const firstCapability = 0x40;
const MSIX_CAPABILITY_SIZE = 12;
/** Where a vendor's own bytes begin, behind its id. */
const VENDOR_DATA = 6;
const vendorData = [0x76, 0x68, 0x6f, 0x73, 0x74, 0];

export interface ConfigSpaceOptions extends FunctionShape {
  readonly deviceId: number;
  /** Bytes of a BAR at an offset, by an access of that length. */
  readonly access: {
    read(bar: number, offset: number, target: Uint8Array): void;
    write(bar: number, offset: number, source: Uint8Array): void;
  };
  /** What interrupts make of the status register. */
  readonly isInterruptPending: () => boolean;
  /** DRIVER_OK is set. */
  readonly isRunning: () => boolean;
}

/** Configuration space of a virtio function: its header and the list of its capabilities. */
export class FunctionConfigSpace {
  readonly #options: ConfigSpaceOptions;
  readonly #bytes = new Uint8Array(PCI_CONFIG_SIZE);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #writable = new Uint8Array(PCI_CONFIG_SIZE);
  #next: number = firstCapability;
  /** In the order of the list: where each begins, and the type of a structure. */
  readonly #list: { readonly at: number; readonly type?: number }[] = [];
  #msix = 0;
  #window = 0;
  #vendor = 0;

  constructor(options: ConfigSpaceOptions) {
    this.#options = options;
    this.#makeHeader();
    this.#makeMsix();
    for (const structure of options.rules.capabilities.shown(functionStructures(options)))
      this.#makeStructure(structure);
  }

  get isMsixEnabled(): boolean {
    return (this.#view.getUint16(this.#msix + 2, true) & MSIX_ENABLE) !== 0;
  }

  /** What a driver writes into message control; under VFIO the kernel does. */
  setMsixEnabled(enabled: boolean): void {
    const control = this.#view.getUint16(this.#msix + 2, true);
    this.#view.setUint16(this.#msix + 2, enabled ? control | MSIX_ENABLE : control & ~MSIX_ENABLE, true);
  }

  get isIntxDisabled(): boolean {
    return (this.#view.getUint16(pciHeader.command, true) & pciCommand.INTX_DISABLE) !== 0;
  }

  read(offset: number, target: Uint8Array): void {
    const { rules, access, isInterruptPending } = this.#options;
    const status = pciStatus.CAPABILITY_LIST | (isInterruptPending() ? pciStatus.INTERRUPT : 0);
    this.#view.setUint16(pciHeader.status, status, true);
    this.#link();
    const window = this.#windowOf(offset, target.length);
    if (window !== undefined && rules.capabilities.windowReads) {
      const read = new Uint8Array(window.length);
      access.read(window.bar, window.offset, read);
      this.#bytes.set(read, this.#dataOfWindow);
    }
    target.set(this.#bytes.subarray(offset, offset + target.length));
    const last = this.#vendor + VENDOR_CAPABILITY_SIZE - 1;
    if (this.#vendor === 0 || offset > last || offset + target.length <= last) return;
    this.#bytes[last] = rules.capabilities.vendorRead(this.#bytes[last] ?? 0);
  }

  write(offset: number, source: Uint8Array): void {
    for (const [n, byte] of source.entries()) {
      const mask = this.#writable[offset + n] ?? 0;
      this.#bytes[offset + n] = ((this.#bytes[offset + n] ?? 0) & ~mask) | (byte & mask);
    }
    const window = this.#windowOf(offset, source.length);
    if (window === undefined || !this.#options.rules.capabilities.windowWrites) return;
    const data = this.#bytes.slice(this.#dataOfWindow, this.#dataOfWindow + window.length);
    this.#options.access.write(window.bar, window.offset, data);
  }

  get #dataOfWindow(): number {
    return this.#window + VIRTIO_PCI_CAP_SIZE;
  }

  /** What an access to the data of the window reaches; undefined for another access, and where it is no sound one. */
  #windowOf(at: number, count: number): { bar: number; offset: number; length: number } | undefined {
    const isOfData = this.#window !== 0 && at < this.#dataOfWindow + 4 && at + count > this.#dataOfWindow;
    if (!isOfData) return undefined;
    const bar = this.#view.getUint8(this.#window + virtioPciCap.bar);
    const offset = this.#view.getUint32(this.#window + virtioPciCap.offset, true);
    const asked = this.#view.getUint32(this.#window + virtioPciCap.structureLength, true);
    const length = this.#options.rules.capabilities.windowLength(asked);
    const isSound = (length === 1 || length === 2 || length === 4) && offset % length === 0;
    return isSound ? { bar, offset, length } : undefined;
  }

  #makeHeader(): void {
    const { rules, deviceId } = this.#options;
    const { identity } = rules;
    const view = this.#view;
    view.setUint16(pciHeader.vendorId, identity.vendorId, true);
    view.setUint16(pciHeader.deviceId, identity.deviceId(deviceId), true);
    view.setUint8(pciHeader.revisionId, identity.revisionId);
    view.setUint16(pciHeader.classCode, classOf[deviceId] ?? 0xff00, true);
    view.setUint16(pciHeader.subsystemVendorId, identity.vendorId, true);
    view.setUint16(pciHeader.subsystemId, identity.subsystemId(deviceId), true);
    view.setUint8(pciHeader.interruptPin, 1);
    const writable = new DataView(this.#writable.buffer);
    writable.setUint16(pciHeader.command, pciCommand.MEMORY | pciCommand.BUS_MASTER | pciCommand.INTX_DISABLE, true);
    for (const [bar, size] of barSizes(this.#options).entries()) {
      if (size > 0) writable.setUint32(pciHeader.bar0 + 4 * bar, -size >>> 0, true);
    }
  }

  #makeMsix(): void {
    const { rules, vectors } = this.#options;
    this.#msix = this.#take(PCI_CAP_ID_MSIX, MSIX_CAPABILITY_SIZE);
    this.#view.setUint16(this.#msix + 2, rules.identity.shownVectors(vectors) - 1, true);
    // The low three bits of both offsets are the number of the BAR.
    this.#view.setUint32(this.#msix + 4, MSIX_BAR, true);
    this.#view.setUint32(this.#msix + 8, msixPendingOffset(vectors) | MSIX_BAR, true);
  }

  #makeStructure(structure: ShownStructure): void {
    const { type, bar, id, offset, length, capabilityLength, extra } = structure;
    const view = this.#view;
    if (type === virtioPciCapabilities.VIRTIO_PCI_CAP_VENDOR_CFG) {
      const at = this.#take(PCI_CAP_ID_VNDR, VENDOR_CAPABILITY_SIZE, type);
      this.#vendor = at;
      view.setUint8(at + virtioPciCap.length, capabilityLength);
      view.setUint8(at + virtioPciCap.type, type);
      view.setUint16(at + 4, this.#options.rules.capabilities.vendorId, true);
      this.#bytes.set(vendorData, at + VENDOR_DATA);
      return;
    }
    const at = this.#take(PCI_CAP_ID_VNDR, VIRTIO_PCI_CAP_SIZE + (virtioPciCapExtra[type] ?? 0), type);
    view.setUint8(at + virtioPciCap.length, capabilityLength);
    view.setUint8(at + virtioPciCap.type, type);
    view.setUint8(at + virtioPciCap.bar, bar);
    view.setUint8(at + virtioPciCap.id, id);
    view.setUint32(at + virtioPciCap.offset, offset, true);
    view.setUint32(at + virtioPciCap.structureLength, length, true);
    this.#bytes.set(extra, at + VIRTIO_PCI_CAP_SIZE);
    if (type !== virtioPciCapabilities.VIRTIO_PCI_CAP_PCI_CFG) return;
    this.#window = at;
    this.#writable[at + virtioPciCap.bar] = 0xff;
    this.#writable.fill(0xff, at + virtioPciCap.offset, at + VIRTIO_PCI_CAP_SIZE + 4);
  }

  /** Takes room for a capability, behind those before it. */
  #take(id: number, size: number, type?: number): number {
    const at = this.#next;
    this.#next += Math.ceil(size / 4) * 4;
    this.#bytes[at] = id;
    this.#list.push({ at, ...(type === undefined ? {} : { type }) });
    return at;
  }

  /** Has each capability of the list point at the next. */
  #link(): void {
    const { rules, isRunning } = this.#options;
    let pointer: number = pciHeader.capabilities;
    for (const { at, type } of this.#list) {
      if (type !== undefined && !rules.capabilities.isLinked(type, isRunning())) continue;
      this.#bytes[pointer] = at;
      pointer = at + 1;
    }
    this.#bytes[pointer] = 0;
  }
}
