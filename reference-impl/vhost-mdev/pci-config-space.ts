import { errno } from '../wire/errno.ts';

/** Bytes of conventional configuration space. */
export const PCI_CONFIG_SIZE = 256;

/** Vendor and device that identify layout L1: the range of virtio's vendor that is free for experiments. */
export const MDEV_PCI_VENDOR = 0x1af4;
export const MDEV_PCI_DEVICE = 0x10f0;

const MSIX_CAPABILITY = 0x40;
const BARS = [0x10, 0x14, 0x18] as const;

/** Class codes (base class, subclass) by virtio device id; 0xff00 is a device of no class. */
const classOf: Readonly<Record<number, number>> = { 1: 0x0200, 2: 0x0180 };

export interface PciIdentity {
  /** Virtio device id; the subsystem id tells it, as virtio's transitional devices do. */
  readonly deviceId: number;
  readonly vectors: number;
  /** Sizes of BAR0 to BAR2 in bytes, powers of two or rounded up to one. */
  readonly barSizes: readonly [number, number, number];
  /** Where in BAR2 the pending bits of MSI-X begin. */
  readonly pendingOffset: number;
}

export interface PciConfigRules {
  /** Configuration space as a device is made. */
  readonly content: (identity: PciIdentity) => Uint8Array;
  /** Bits that a user may change. */
  readonly writable: (identity: PciIdentity) => Uint8Array;
  /** Where a read of so many bytes looks. */
  readonly readAt: (offset: number, length: number) => number;
  /** The same in the MSI-X table. */
  readonly tableReadAt: (offset: number) => number;
  /** Bytes that an access to a region of plain bytes transfers, or an error negated. */
  readonly lengthOf: (offset: number, count: number, size: number) => number;
  readonly survivesReset: boolean;
}

const powerOfTwo = (size: number): number => 2 ** Math.ceil(Math.log2(Math.max(16, size)));

function content({ deviceId, vectors, pendingOffset }: PciIdentity): Uint8Array {
  const bytes = new Uint8Array(PCI_CONFIG_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0x00, MDEV_PCI_VENDOR, true);
  view.setUint16(0x02, MDEV_PCI_DEVICE, true);
  // Status: there is a list of capabilities.
  view.setUint16(0x06, 0x0010, true);
  view.setUint16(0x0a, classOf[deviceId] ?? 0xff00, true);
  view.setUint16(0x2c, MDEV_PCI_VENDOR, true);
  view.setUint16(0x2e, deviceId, true);
  view.setUint8(0x34, MSIX_CAPABILITY);
  view.setUint8(MSIX_CAPABILITY, 0x11);
  view.setUint16(MSIX_CAPABILITY + 2, vectors - 1, true);
  // The low three bits of both offsets are the number of the BAR.
  view.setUint32(MSIX_CAPABILITY + 4, 2, true);
  view.setUint32(MSIX_CAPABILITY + 8, pendingOffset | 2, true);
  return bytes;
}

function writable({ barSizes }: PciIdentity): Uint8Array {
  const bytes = new Uint8Array(PCI_CONFIG_SIZE);
  const view = new DataView(bytes.buffer);
  // Command: memory space, bus master, no interrupt pin; then cache line, latency, interrupt line; enable of MSI-X.
  view.setUint16(0x04, 0x0406, true);
  view.setUint8(0x0c, 0xff);
  view.setUint8(0x0d, 0xff);
  view.setUint8(0x3c, 0xff);
  view.setUint16(MSIX_CAPABILITY + 2, 0xc000, true);
  for (const [n, at] of BARS.entries()) view.setUint32(at, -powerOfTwo(barSizes[n] ?? 0) >>> 0, true);
  return bytes;
}

/** Our choice as a whole: 1af4:10f0, virtio's device id as subsystem id, three memory BARs, MSI-X. */
export const pciConfigRules: PciConfigRules = {
  content,
  writable,
  readAt: (offset) => offset,
  tableReadAt: (offset) => offset,
  // An access ends where the region does; one that begins there is wrong.
  lengthOf: (offset, count, size) => (offset >= size ? -errno.EINVAL : Math.min(count, size - offset)),
  survivesReset: false,
};

/** Configuration space of a device of layout L1. A BAR that all ones are written to tells its size. */
export class PciConfigSpace {
  readonly #rules: PciConfigRules;
  readonly #identity: PciIdentity;
  /** What a user wrote, by offset. */
  readonly #written = new Map<number, number>();

  constructor(rules: PciConfigRules, identity: PciIdentity) {
    this.#rules = rules;
    this.#identity = identity;
  }

  reset(): void {
    if (!this.#rules.survivesReset) this.#written.clear();
  }

  read(offset: number, target: Uint8Array): void {
    const bytes = this.#rules.content(this.#identity);
    const writable = this.#rules.writable(this.#identity);
    for (const [at, byte] of this.#written) {
      const mask = writable[at] ?? 0;
      bytes[at] = ((bytes[at] ?? 0) & ~mask) | (byte & mask);
    }
    const at = this.#rules.readAt(offset, target.length);
    target.set(bytes.subarray(at, at + target.length));
  }

  write(offset: number, source: Uint8Array): void {
    for (const [n, byte] of source.entries()) this.#written.set(offset + n, byte);
  }
}
