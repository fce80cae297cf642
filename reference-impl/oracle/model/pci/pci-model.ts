import type { IoctlObservation, RegionAccessObservation } from '../../../observations/event.ts';
import { decodeStructure } from '../../../wire/structure.ts';
import { VFIO_IRQ_SET_DATA_EVENTFD, vfioIrqSet, vfioPci, vfioRequests } from '../../../wire/vfio-structures.ts';
import { COMMON_CONFIG_SIZE, pciHeader, pciStatus, VIRTIO_MSI_NO_VECTOR } from '../../../wire/virtio-pci.ts';
import { CallCheck, type Kept } from '../mdev/call-check.ts';
import type { Tell } from '../observation.ts';
import { PciCommonModel } from './common-model.ts';
import { fieldOf, numberOf } from './common-state.ts';
import { PciDeviceConfigModel } from './device-config-model.ts';
import { PciIsrModel } from './isr-model.ts';
import type { PciFacts, StructurePlace } from './pci-facts.ts';
import { PciSpaceModel } from './space-model.ts';

const NEEDS_RESET = 0x40;
/** Bytes of configuration of any device type. */
const mostConfiguration = 0x1000;

/** What an access did. */
interface Access {
  readonly isWrite: boolean;
  readonly bar: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * One open virtio function, from its open on: what each access to it may bring. It is told of all of them, those of the
 * driver among them. What is wrong once ends the judging of it.
 */
export class PciModel {
  readonly #facts: PciFacts;
  readonly #check: CallCheck;
  readonly #space: PciSpaceModel;
  readonly #common: PciCommonModel;
  readonly #isr: PciIsrModel;
  readonly #config: PciDeviceConfigModel;
  #isMsix = false;
  #isUsedLost = false;

  constructor(facts: PciFacts, tell: Tell, kept?: Kept) {
    this.#facts = facts;
    this.#check = new CallCheck(tell, kept);
    this.#space = new PciSpaceModel(facts, this.#check);
    this.#isr = new PciIsrModel(facts, this.#check);
    this.#config = new PciDeviceConfigModel(facts.deviceId, this.#check);
    this.#common = new PciCommonModel(facts, this.#check, {
      notifyOff: (queue, told) => this.#space.notifyOff(queue, told),
      statusBroke: () => this.#isr.forget(),
      wasReset: () => {
        this.#config.forget();
        if (this.#isMsix || this.#isUsedLost) this.#isr.forget();
        else this.#isr.reset();
        if (this.#isUsedLost) this.#common.loseUsed();
      },
    });
  }

  get isLost(): boolean {
    return this.#check.isLost;
  }

  lose(): void {
    this.#check.isLost = true;
  }

  /** Interrupts are messages of vectors. */
  get isMsix(): boolean {
    return this.#isMsix;
  }

  /** @param status of the device, asked for behind the access. */
  access({ access, region, offset, length, bytes, result }: RegionAccessObservation, status: () => number): void {
    if (this.isLost || (access !== 'read' && access !== 'write')) return;
    if (result !== length || bytes.length < length) {
      // What was refused changed nothing that a driver may change; a part may have been done.
      this.#common.forget();
      this.#isr.forget();
      return;
    }
    const isWrite = access === 'write';
    const { isr } = this.#facts.structures;
    if (isWrite || region !== isr?.bar || offset !== isr.offset) this.#isr.acted();
    if (region === vfioPci.CONFIG_REGION_INDEX) this.#spaceAccess(isWrite, offset, bytes, status);
    else this.#barAccess({ isWrite, bar: region, offset, bytes }, status);
  }

  /** From now on, vectors are as they are: signals are asked for behind some accesses. */
  mappingBegins(): void {
    this.#common.hasMapped = false;
  }

  call({ on, request, before, result }: IoctlObservation): void {
    if (this.isLost || on !== 'device' || result === undefined) return;
    if (request >>> 0 !== vfioRequests.VFIO_DEVICE_SET_IRQS) {
      if (request >>> 0 === vfioRequests.VFIO_DEVICE_RESET) this.lose();
      return;
    }
    const set = decodeStructure(vfioIrqSet, before);
    if (set === undefined || set.index !== vfioPci.MSIX_IRQ_INDEX) return;
    this.#isMsix = (set.flags & VFIO_IRQ_SET_DATA_EVENTFD) !== 0;
    this.#isr.forget();
  }

  /** The driver wrote over rings or memory: what they show may be its own doing. */
  loseUsed(): void {
    this.#isUsedLost = true;
    this.#common.loseUsed();
    this.#isr.forget();
  }

  /** Behind each call: used elements that may not be there yet. */
  judgeUsed(): void {
    if (!this.isLost) this.#common.judgeUsed();
  }

  /** The vector that drivers give to configuration was signalled since `mappingBegins`. @param status of the device. */
  signalled(status: number): void {
    if (this.isLost || !this.#isMsix || this.#common.hasMapped) return;
    const vectors = this.#common.vectorsOfEnabled;
    const { configVector } = this.#common;
    // Vectors are shared, and not known behind some calls.
    if (configVector === undefined || vectors.some((vector) => vector === undefined || vector === 0)) return;
    const isDue = (status & NEEDS_RESET) !== 0;
    if (configVector === 0 && (isDue || !this.#facts.judgesChoices)) return;
    const isOfQueue = vectors.includes(VIRTIO_MSI_NO_VECTOR) && !isDue;
    const requirement = isOfQueue ? 'pci/unmapped-queue-not-interrupted' : 'pci/unmapped-config-not-interrupted';
    if (!isOfQueue && configVector !== VIRTIO_MSI_NO_VECTOR) return;
    this.#check.fail(
      requirement,
      'the signals of vector 0, to which nothing is mapped that has a reason',
      'none',
      'some',
    );
  }

  #spaceAccess(isWrite: boolean, offset: number, bytes: Uint8Array, status: () => number): void {
    const { windowData } = this.#space;
    const covers = windowData !== undefined && offset < windowData + 4 && offset + bytes.length > windowData;
    const { reach } = this.#space;
    if (isWrite) this.#space.wrote(offset, bytes);
    else this.#space.read(offset, bytes);
    const touchesStatus = offset <= pciHeader.status && pciHeader.status < offset + bytes.length;
    if (!isWrite && touchesStatus && !this.#isMsix) {
      this.#isr.mirrored(((bytes[pciHeader.status - offset] ?? 0) & pciStatus.INTERRUPT) !== 0);
    }
    if (!covers) return;
    if (reach === undefined) {
      if (isWrite || offset === windowData) this.#oddAccess();
      return;
    }
    const isWhole = offset === windowData && bytes.length === reach.length;
    if (isWhole) this.#barAccess({ isWrite, bar: reach.bar, offset: reach.offset, bytes }, status);
    else this.#oddAccess();
  }

  #barAccess(access: Access, status: () => number): void {
    const { common, isr, device } = this.#facts.structures;
    const inCommon = offsetIn(common, access, COMMON_CONFIG_SIZE);
    if (inCommon !== undefined) this.#commonAccess(access, inCommon);
    else if (offsetIn(isr, access, 1) !== undefined) this.#isrAccess(access, status);
    else {
      const inDevice = offsetIn(device, access, mostConfiguration);
      if (inDevice !== undefined) this.#deviceAccess(access, inDevice);
    }
  }

  #commonAccess({ isWrite, bytes }: Access, offset: number): void {
    const field = fieldOf(offset, bytes.length);
    if (field === undefined) {
      if (isWrite) this.#oddAccess();
      return;
    }
    const value = numberOf(bytes);
    if (isWrite) this.#common.wrote(field, value);
    else {
      if (field === 'configGeneration') this.#config.generationRead(value);
      this.#common.read(field, value);
    }
  }

  #isrAccess({ isWrite, bytes }: Access, status: () => number): void {
    if (isWrite) this.#isr.forget();
    else if (!this.#isMsix && bytes.length === 1) this.#isr.read(bytes[0] ?? 0, status());
  }

  #deviceAccess({ isWrite, bytes }: Access, offset: number): void {
    if (isWrite) this.#config.wrote(offset, bytes, this.#common.acceptedFeatures);
    else this.#config.read(offset, bytes);
  }

  /** An access that no driver makes: what it changed is not known. */
  #oddAccess(): void {
    this.#common.forget();
    this.#isr.forget();
    this.#config.forget();
  }
}

/** Where in a structure an access begins; undefined where it lies elsewhere. */
function offsetIn(place: StructurePlace | undefined, { bar, offset }: Access, size: number): number | undefined {
  if (place === undefined || place.bar !== bar) return undefined;
  const within = offset - place.offset;
  return within >= 0 && within < size ? within : undefined;
}
