import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { featureMask } from '../../../catalogue/feature-set.ts';
import {
  MSIX_TABLE_SIZE_MASK,
  PCI_CAP_ID_MSIX,
  PCI_CAP_ID_VNDR,
  PCI_CONFIG_SIZE,
  PCI_LAST_BAR,
  pciHeader,
  pciStatus,
  transitionalDeviceIds,
  VIRTIO_PCI_CAP_SIZE,
  VIRTIO_PCI_FIRST_DEVICE_ID,
  VIRTIO_PCI_VENDOR_ID,
  virtioPciCap,
  virtioPciCapabilities,
  virtioPciCapExtra,
} from '../../../wire/virtio-pci.ts';
import type { CallCheck } from '../mdev/call-check.ts';
import type { PciFacts } from './pci-facts.ts';

const types = virtioPciCapabilities;
const notificationData = featureMask('VIRTIO_F_NOTIFICATION_DATA');
const firstCapability = 0x40;
/** Device types without fields of configuration: entropy. */
const withoutConfiguration = 4;

interface Capability {
  readonly at: number;
  readonly id: number;
  readonly type: number;
}

const existing: readonly (readonly [type: number, requirement: RequirementSlug])[] = [
  [types.VIRTIO_PCI_CAP_COMMON_CFG, 'pci/common-config-exists'],
  [types.VIRTIO_PCI_CAP_NOTIFY_CFG, 'pci/notification-capability-exists'],
  [types.VIRTIO_PCI_CAP_ISR_CFG, 'pci/isr-capability-exists'],
  [types.VIRTIO_PCI_CAP_DEVICE_CFG, 'pci/device-config-capability-exists'],
  [types.VIRTIO_PCI_CAP_PCI_CFG, 'pci/config-access-capability-exists'],
];

/** What a window reaches: undefined where the driver must not use it as it is. */
export interface WindowReach {
  readonly bar: number;
  readonly offset: number;
  readonly length: number;
}

/** Configuration space of a virtio function: what its header and its capabilities must say, whenever it is read as a whole. */
export class PciSpaceModel {
  readonly #facts: PciFacts;
  readonly #check: CallCheck;
  /** By index: `queue_notify_off`. */
  readonly #notifyOffs = new Map<number, number>();
  /** Where the PCI configuration access capability lies, once that was read. */
  #windowAt: number | undefined;
  /** Bytes of its fields for the driver, as they were written or read last. */
  readonly #window = new Map<number, number>();

  constructor(facts: PciFacts, check: CallCheck) {
    this.#facts = facts;
    this.#check = check;
  }

  notifyOff(queue: number, told: number): void {
    this.#notifyOffs.set(queue, told);
  }

  /** Fields of the window hold what the driver wrote. */
  wrote(offset: number, bytes: Uint8Array): void {
    for (const [n, byte] of bytes.entries()) {
      if (this.#isOfWindow(offset + n)) this.#window.set(offset + n, byte);
    }
  }

  /** Where the data of the window lie. */
  get windowData(): number | undefined {
    return this.#windowAt === undefined ? undefined : this.#windowAt + VIRTIO_PCI_CAP_SIZE;
  }

  /** What the window reaches; undefined where that is not known or nothing that a driver may ask for. */
  get reach(): WindowReach | undefined {
    const at = this.#windowAt;
    if (at === undefined) return undefined;
    const bar = this.#window.get(at + virtioPciCap.bar);
    const [offset, length] = [this.#u32(at + virtioPciCap.offset), this.#u32(at + virtioPciCap.structureLength)];
    if (bar === undefined || offset === undefined || length === undefined) return undefined;
    return (length === 1 || length === 2 || length === 4) && offset % length === 0
      ? { bar, offset, length }
      : undefined;
  }

  read(offset: number, bytes: Uint8Array): void {
    if (offset === 0 && bytes.length === PCI_CONFIG_SIZE) this.#whole(bytes);
    for (const [n, byte] of bytes.entries()) {
      const at = offset + n;
      if (!this.#isOfWindow(at)) continue;
      const before = this.#window.get(at);
      this.#window.set(at, byte);
      if (before === undefined) continue;
      const what = `byte ${at} of configuration space, of the window`;
      this.#check.equal('pci/vendor-data-reads-without-side-effects', what, byte, before);
    }
  }

  /** Of BAR, offset and length. */
  #isOfWindow(at: number): boolean {
    const window = this.#windowAt;
    if (window === undefined) return false;
    return (
      at === window + virtioPciCap.bar || (at >= window + virtioPciCap.offset && at < window + VIRTIO_PCI_CAP_SIZE)
    );
  }

  #u32(at: number): number | undefined {
    let value = 0;
    for (let n = 3; n >= 0; n--) {
      const byte = this.#window.get(at + n);
      if (byte === undefined) return undefined;
      value = value * 256 + byte;
    }
    return value;
  }

  #whole(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isTransitional = this.#judgeIdentity(view);
    const list = this.#walked(view);
    if (list === undefined || isTransitional) return;
    const vendor = list.filter(({ id }) => id === PCI_CAP_ID_VNDR);
    for (const [type, requirement] of existing) {
      if (type === types.VIRTIO_PCI_CAP_DEVICE_CFG && this.#facts.deviceId === withoutConfiguration) continue;
      const isThere = vendor.some((one) => one.type === type);
      this.#check.holds(isThere, requirement, `capabilities of type ${type}`, 'one at least', 'none');
    }
    for (const one of vendor) this.#judgeStructure(view, one);
    for (const one of list) if (one.id === PCI_CAP_ID_MSIX) this.#judgeMsix(view, one.at);
    const window = vendor.find(({ type }) => type === types.VIRTIO_PCI_CAP_PCI_CFG);
    this.#windowAt ??= window?.at;
  }

  /** Whether the device is a transitional one. */
  #judgeIdentity(view: DataView): boolean {
    const check = this.#check;
    check.equal('pci/vendor-id', 'the vendor id', view.getUint16(pciHeader.vendorId, true), VIRTIO_PCI_VENDOR_ID);
    const { deviceId } = this.#facts;
    const told = view.getUint16(pciHeader.deviceId, true);
    const revision = view.getUint8(pciHeader.revisionId);
    if (deviceId === undefined) return false;
    const modern = VIRTIO_PCI_FIRST_DEVICE_ID + deviceId;
    if (told === transitionalDeviceIds[deviceId]) {
      const what = `the device id of a device of revision ${revision}`;
      if (revision > 0) check.equal('pci/non-transitional-device-id-range', what, told, modern);
      return true;
    }
    check.equal('pci/device-id', 'the device id', told, modern);
    const isLater = revision > 0;
    check.holds(isLater, 'pci/non-transitional-revision', 'the revision', '1 at least', String(revision));
    const subsystem = view.getUint16(pciHeader.subsystemId, true);
    const requirement = 'pci/non-transitional-subsystem-id';
    check.holds(subsystem >= 0x40, requirement, 'the subsystem id', '0x40 at least', String(subsystem));
    return false;
  }

  #walked(view: DataView): Capability[] | undefined {
    if ((view.getUint16(pciHeader.status, true) & pciStatus.CAPABILITY_LIST) === 0) return undefined;
    const list: Capability[] = [];
    let at = view.getUint8(pciHeader.capabilities) & 0xfc;
    while (at >= firstCapability && list.every((one) => one.at !== at)) {
      list.push({ at, id: view.getUint8(at), type: view.getUint8(at + virtioPciCap.type) });
      at = view.getUint8(at + 1) & 0xfc;
    }
    return list;
  }

  #judgeStructure(view: DataView, { at, type }: Capability): void {
    const check = this.#check;
    const length = view.getUint8(at + virtioPciCap.length);
    if (type === types.VIRTIO_PCI_CAP_VENDOR_CFG) {
      const isOther = view.getUint16(at + virtioPciCap.bar, true) !== VIRTIO_PCI_VENDOR_ID;
      check.holds(isOther, 'pci/vendor-id-differs-from-virtio', 'the vendor of vendor data', 'another', '0x1af4');
      const requirement = 'pci/vendor-capability-size-multiple-of-four';
      check.equal(requirement, 'bytes of vendor data behind the last multiple of 4', length % 4, 0);
      return;
    }
    const least = VIRTIO_PCI_CAP_SIZE + (virtioPciCapExtra[type] ?? 0);
    const isKnown = existing.some(([each]) => each === type) || virtioPciCapExtra[type] !== undefined;
    const covers = !isKnown || length >= least;
    const what = `cap_len of a capability of type ${type}`;
    check.holds(covers, 'pci/cap-len-covers-extra-data', what, `${least} at least`, String(length));
    const offset = view.getUint32(at + virtioPciCap.offset, true);
    if (type === types.VIRTIO_PCI_CAP_COMMON_CFG)
      check.equal(
        'pci/common-config-aligned',
        'bytes behind a multiple of 4 of the common configuration',
        offset % 4,
        0,
      );
    if (type === types.VIRTIO_PCI_CAP_DEVICE_CFG)
      check.equal('pci/device-config-aligned', 'bytes behind a multiple of 4 of device configuration', offset % 4, 0);
    if (type === types.VIRTIO_PCI_CAP_NOTIFY_CFG) this.#judgeNotify(view, at, offset);
  }

  /** What is offered decides on the width of a notification. */
  #judgeNotify(view: DataView, at: number, offset: number): void {
    const check = this.#check;
    const hasData = (this.#facts.offered & notificationData) !== 0n;
    const width = hasData ? 4 : 2;
    const aligned = hasData ? 'pci/notification-data-offset-aligned' : 'pci/notification-offset-aligned';
    check.equal(aligned, `bytes of the notification structure behind a multiple of ${width}`, offset % width, 0);
    const multiplier = view.getUint32(at + VIRTIO_PCI_CAP_SIZE, true);
    const isPower = (multiplier & (multiplier - 1)) === 0 && multiplier % width === 0;
    const sized = hasData ? 'pci/notification-data-multiplier' : 'pci/notify-off-multiplier-even-power-of-two';
    check.holds(isPower, sized, 'notify_off_multiplier', `0 or a power of 2 from ${width} on`, String(multiplier));
    const length = view.getUint32(at + virtioPciCap.structureLength, true);
    const least = hasData ? 'pci/notification-data-length-at-least-four' : 'pci/notification-length-at-least-two';
    check.holds(length >= width, least, 'bytes of the notification structure', `${width} at least`, String(length));
    const formula = hasData ? 'pci/notification-data-length-formula' : 'pci/notification-length-formula';
    for (const [queue, notifyOff] of this.#notifyOffs) {
      const needed = notifyOff * multiplier + width;
      const what = `bytes of the notification structure, with queue ${queue}`;
      check.holds(length >= needed, formula, what, `${needed} at least`, String(length));
    }
  }

  #judgeMsix(view: DataView, at: number): void {
    const check = this.#check;
    const count = (view.getUint16(at + 2, true) & MSIX_TABLE_SIZE_MASK) + 1;
    check.holds(count >= 2, 'pci/msi-x-vector-count', 'vectors', '2 at least', String(count));
    const bar = view.getUint32(at + 4, true) & 7;
    const isThere = bar <= PCI_LAST_BAR && this.#facts.regionSize(bar) > 0;
    const requirement = 'pci/msi-x-table-size-states-vectors';
    check.holds(isThere, requirement, 'the BAR of the table of vectors', 'one that there is', String(bar));
  }
}
