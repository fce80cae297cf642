import type { IoctlObservation, RegionAccessObservation } from '../../../observations/event.ts';
import { errno } from '../../../wire/errno.ts';
import {
  vfioDeviceInfo,
  vfioDmaMap,
  vfioDmaUnmap,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
  vfioRequests,
} from '../../../wire/vfio-structures.ts';
import type { Tell } from '../observation.ts';
import { CallCheck, type Kept } from './call-check.ts';
import { ChannelModel } from './channel-model.ts';
import { ContainerModel } from './container-model.ts';
import { DoorbellModel } from './doorbell-model.ts';
import { InformationModel } from './information-model.ts';
import { InterruptModel } from './interrupt-model.ts';
import type { MdevFacts } from './mdev-shape.ts';
import { PciConfigModel } from './pci-config-model.ts';
import { PlainRegionModel } from './plain-region-model.ts';
import { RequestModel } from './request-model.ts';

/** Bytes of the structures that calls have as their arguments. */
const sizes: ReadonlyMap<number, number> = new Map([
  [vfioRequests.VFIO_DEVICE_GET_INFO, vfioDeviceInfo.size],
  [vfioRequests.VFIO_DEVICE_GET_REGION_INFO, vfioRegionInfo.size],
  [vfioRequests.VFIO_DEVICE_GET_IRQ_INFO, vfioIrqInfo.size],
  [vfioRequests.VFIO_DEVICE_SET_IRQS, vfioIrqSet.size],
  [vfioRequests.VFIO_IOMMU_MAP_DMA, vfioDmaMap.size],
  [vfioRequests.VFIO_IOMMU_UNMAP_DMA, vfioDmaUnmap.size],
]);

/**
 * One open vhost-mdev device, from its open on: what each call on it and on its container may come to. A device begins as
 * it was made. What is wrong once ends the judging of it.
 */
export class MdevModel {
  readonly interrupts: InterruptModel;
  readonly #facts: MdevFacts;
  readonly #check: CallCheck;
  readonly #information: InformationModel;
  readonly #container: ContainerModel;
  readonly #requests: RequestModel;
  readonly #channel: ChannelModel;
  readonly #doorbells: DoorbellModel;
  readonly #pciConfig: PciConfigModel;
  readonly #msixTable: PlainRegionModel;

  constructor(facts: MdevFacts, tell: Tell, kept?: Kept) {
    const check = new CallCheck(tell, kept);
    this.#facts = facts;
    this.#check = check;
    this.#information = new InformationModel(facts, check);
    this.interrupts = new InterruptModel(facts, check);
    this.#container = new ContainerModel(facts, check);
    this.#requests = new RequestModel(facts, () => this.#container.mappings);
    this.#channel = new ChannelModel(facts, check, this.#requests);
    this.#doorbells = new DoorbellModel(facts, check);
    this.#pciConfig = new PciConfigModel(facts, check, this.#information);
    const stores = () => 'vm-regions/msix-table-stores' as const;
    this.#msixTable = new PlainRegionModel(
      {
        what: 'the MSI-X table',
        size: Math.ceil((16 * facts.rings + 8) / facts.pageSize) * facts.pageSize,
        writable: () => 0xff,
        content: () => 0,
        requirements: { holds: stores, end: stores(), across: stores() },
      },
      check,
    );
  }

  get isLost(): boolean {
    return this.#check.isLost;
  }

  lose(): void {
    this.#check.isLost = true;
  }

  /** Whether the device runs; undefined where that is not known. */
  get isRunning(): boolean | undefined {
    return this.#requests.isRunning;
  }

  /** A second open that was refused. */
  refusedOpen(): void {
    this.#channel.keptThrough('vm-life/refused-open-disturbs-nobody');
  }

  access({ access, region, offset, length, bytes, result }: RegionAccessObservation): void {
    if (this.isLost || access === 'store') return;
    if (result === undefined) {
      this.lose();
      return;
    }
    const { shape } = this.#facts;
    if (access === 'map') this.#mapped(region, offset, length, result);
    else if (region === shape.messages) {
      if (access === 'read') this.#channel.read(offset, length, bytes, result);
      else this.#channel.write(offset, bytes, length, result);
    } else if (region === shape.doorbells) {
      if (access === 'read') this.#doorbells.read(length, result);
      else this.#doorbells.write(offset, bytes, length, this.isRunning, result);
    } else if (region === shape.pciConfig) {
      if (bytes.length >= Math.max(result, 0)) this.#pciConfig[access](offset, length, bytes, result);
    } else if (region === shape.msixTable) {
      if (bytes.length >= Math.max(result, 0)) this.#msixTable[access](offset, length, bytes, result);
    } else {
      const what = `a ${access} of ${length} bytes of region ${region}`;
      this.#check.expect(what, result, { allowed: 0, requirement: 'vm-regions/absent-region-is-empty' });
    }
  }

  call(seen: IoctlObservation, isEvent: (descriptor: number) => boolean): void {
    const { on, request, length, before, after, result } = seen;
    if (this.isLost) return;
    if (result === undefined) {
      this.lose();
      return;
    }
    const size = sizes.get(request);
    if (size !== undefined && length < size) {
      const rule = { allowed: -errno.EFAULT, requirement: 'vm-identity/bad-pointers-refused' } as const;
      this.#check.expect(`call 0x${request.toString(16)} with ${length} bytes of its argument`, result, rule);
      return;
    }
    if (on === 'container') this.#onContainer(request, before, after, result);
    if (on !== 'device') return;
    switch (request) {
      case vfioRequests.VFIO_DEVICE_GET_INFO:
        this.#information.device(before, after, result);
        return;
      case vfioRequests.VFIO_DEVICE_GET_REGION_INFO:
        this.#information.region(before, after, result);
        return;
      case vfioRequests.VFIO_DEVICE_GET_IRQ_INFO:
        this.#information.interrupts(before, after, result);
        return;
      case vfioRequests.VFIO_DEVICE_SET_IRQS:
        this.interrupts.set(before, result, isEvent);
        return;
      case vfioRequests.VFIO_DEVICE_RESET:
        if (this.#check.expect('VFIO_DEVICE_RESET', result, { allowed: 0, requirement: 'vm-life/reset-succeeds' })) {
          this.#reset();
        }
        return;
    }
    const rule = { allowed: -errno.ENOTTY, requirement: 'vm-identity/unknown-call-refused' } as const;
    this.#check.expect(`call 0x${request.toString(16)}`, result, rule);
  }

  #onContainer(request: number, before: Uint8Array, after: Uint8Array, result: number): void {
    if (request === vfioRequests.VFIO_IOMMU_MAP_DMA) this.#container.map(before, result);
    else if (request === vfioRequests.VFIO_IOMMU_UNMAP_DMA) this.#container.unmap(before, after, result);
    if (result >= 0) this.#requests.mappingsChanged();
  }

  #mapped(region: number, offset: number, length: number, result: number): void {
    const { shape } = this.#facts;
    if (region === shape.doorbells) this.#doorbells.map(offset, length, result);
    else if (region === shape.messages) {
      const rule = { allowed: -errno.EINVAL, requirement: 'vm-regions/channel-cannot-be-mapped' } as const;
      this.#check.expect('a mapping of the region of messages', result, rule);
    }
  }

  /** As it was made, but for mappings and event descriptors. */
  #reset(): void {
    this.#requests.reset();
    this.#channel.forget();
    this.#pciConfig.reset();
    this.#msixTable.reset();
  }
}
