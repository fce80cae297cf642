import { errno } from '../../reference-impl/wire/errno.ts';
import { vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import {
  type CommonConfigField,
  commonConfig,
  MSIX_TABLE_SIZE_MASK,
  PCI_CAP_ID_MSIX,
  PCI_CAP_ID_VNDR,
  PCI_CONFIG_SIZE,
  PCI_LAST_BAR,
  pciHeader,
  pciStatus,
  virtioPciCap,
  virtioPciCapabilities,
} from '../../reference-impl/wire/virtio-pci.ts';
import type { VfioDevice } from '../port/vhost-mdev-door.ts';
import type { AccessWidth, PciCapabilityList, PciStructure, VirtioPciFunction } from '../port/virtio-pci-door.ts';

const firstCapability = 0x40;
/** The least that a capability of virtio has: up to its type. */
const leastLength = 4;

/** A virtio function behind VFIO. What its capabilities show is read once; `capabilities` reads anew. */
export class OpenPciFunction implements VirtioPciFunction {
  readonly #vfio: VfioDevice;
  readonly #bytes = { 1: new Uint8Array(1), 2: new Uint8Array(2), 4: new Uint8Array(4) };
  #structures: readonly PciStructure[] | undefined;
  #vectors: number | undefined;

  constructor(vfio: VfioDevice) {
    this.#vfio = vfio;
  }

  readConfigSpace(offset: number, width: AccessWidth): number {
    return this.#read(vfioPci.CONFIG_REGION_INDEX, offset, width);
  }

  writeConfigSpace(offset: number, width: AccessWidth, value: number): number {
    return this.#write(vfioPci.CONFIG_REGION_INDEX, offset, width, value);
  }

  capabilities(): PciCapabilityList {
    const all: { id: number; at: number }[] = [];
    const status = this.readConfigSpace(pciHeader.status, 2);
    if (status < 0 || (status & pciStatus.CAPABILITY_LIST) === 0) return { all, brokenBy: 'there is no list' };
    let at = this.readConfigSpace(pciHeader.capabilities, 1) & 0xfc;
    while (at !== 0) {
      if (at < firstCapability) return { all, brokenBy: `a capability at 0x${at.toString(16)}` };
      if (all.some((one) => one.at === at)) return { all, brokenBy: `a loop to 0x${at.toString(16)}` };
      all.push({ id: this.readConfigSpace(at, 1), at });
      at = this.readConfigSpace(at + 1, 1) & 0xfc;
    }
    return { all, brokenBy: undefined };
  }

  structures(): readonly PciStructure[] {
    if (this.#structures !== undefined) return this.#structures;
    const vendor = this.capabilities().all.filter(({ id }) => id === PCI_CAP_ID_VNDR);
    const found = vendor
      .filter(({ at }) => this.readConfigSpace(at + virtioPciCap.length, 1) >= leastLength)
      .map(({ id, at }): PciStructure => {
        const type = this.readConfigSpace(at + virtioPciCap.type, 1);
        const hasPlace =
          type !== virtioPciCapabilities.VIRTIO_PCI_CAP_VENDOR_CFG &&
          at + virtioPciCap.structureLength < PCI_CONFIG_SIZE;
        return {
          id,
          at,
          type,
          capabilityLength: this.readConfigSpace(at + virtioPciCap.length, 1),
          bar: hasPlace ? this.readConfigSpace(at + virtioPciCap.bar, 1) : 0,
          structureId: hasPlace ? this.readConfigSpace(at + virtioPciCap.id, 1) : 0,
          offset: hasPlace ? this.readConfigSpace(at + virtioPciCap.offset, 4) : 0,
          length: hasPlace ? this.readConfigSpace(at + virtioPciCap.structureLength, 4) : 0,
        };
      });
    this.#structures = found;
    return found;
  }

  structure(type: number): PciStructure | undefined {
    return this.structures().find((one) => {
      if (one.type !== type || one.bar > PCI_LAST_BAR) return false;
      const region = this.#vfio.regionInfo(one.bar);
      return typeof region !== 'number' && BigInt(one.offset) < region.size;
    });
  }

  readBar(bar: number, offset: number, width: AccessWidth): number {
    return this.#read(bar, offset, width);
  }

  writeBar(bar: number, offset: number, width: AccessWidth, value: number): number {
    return this.#write(bar, offset, width, value);
  }

  read(field: CommonConfigField): number {
    const place = this.#placeOf(field);
    return place === undefined ? -errno.ENXIO : this.#read(place.bar, place.offset, place.width);
  }

  write(field: CommonConfigField, value: number): number {
    const place = this.#placeOf(field);
    return place === undefined ? -errno.ENXIO : this.#write(place.bar, place.offset, place.width, value);
  }

  readIsr(): number {
    const isr = this.structure(virtioPciCapabilities.VIRTIO_PCI_CAP_ISR_CFG);
    return isr === undefined ? -errno.ENXIO : this.#read(isr.bar, isr.offset, 1);
  }

  vectors(): number {
    if (this.#vectors !== undefined) return this.#vectors;
    const msix = this.capabilities().all.find(({ id }) => id === PCI_CAP_ID_MSIX);
    this.#vectors = msix === undefined ? 0 : (this.readConfigSpace(msix.at + 2, 2) & MSIX_TABLE_SIZE_MASK) + 1;
    return this.#vectors;
  }

  #placeOf(field: CommonConfigField): { bar: number; offset: number; width: AccessWidth } | undefined {
    const common = this.structure(virtioPciCapabilities.VIRTIO_PCI_CAP_COMMON_CFG);
    if (common === undefined) return undefined;
    const { at, bytes } = commonConfig[field];
    return { bar: common.bar, offset: common.offset + at, width: bytes };
  }

  #read(region: number, offset: number, width: AccessWidth): number {
    const bytes = this.#bytes[width];
    const read = this.#vfio.read(region, offset, bytes);
    if (read < 0) return read;
    if (read < width) return -errno.EIO;
    let value = 0;
    for (let n = width - 1; n >= 0; n--) value = value * 256 + (bytes[n] ?? 0);
    return value;
  }

  /** Bytes written, or an error number negated. */
  #write(region: number, offset: number, width: AccessWidth, value: number): number {
    const bytes = this.#bytes[width];
    for (let n = 0; n < width; n++) bytes[n] = Math.floor(value / 256 ** n) & 0xff;
    const written = this.#vfio.write(region, offset, bytes);
    return written >= 0 && written < width ? -errno.EIO : written;
  }
}
