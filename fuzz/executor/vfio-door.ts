import type { VfioMapping, VhostMdevSession } from '../../drivers/port/port.ts';
import type { Codec } from '../../reference-impl/wire/compile-layout.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import {
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  vfioDeviceInfo,
  vfioDmaMap,
  vfioDmaUnmap,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
  vfioRequests,
} from '../../reference-impl/wire/vfio-structures.ts';
import type { CallOf } from '../program/program.ts';
import { withinRegion } from '../program/region-offset.ts';
import { type DoorOutcome, skipped, type ToldMapping, type VfioDoor } from './transport-door.ts';

const mostRead = 0x1000;
/** A request that VFIO has for no device. */
const unknownRequest = 0x3b7f;

/** The calls of VFIO on the device of a session: any region, any offset, any argument. */
export class SessionVfioDoor implements VfioDoor {
  readonly #session: VhostMdevSession;

  constructor(session: VhostMdevSession) {
    this.#session = session;
  }

  read(region: number, offset: number, length: number): DoorOutcome {
    const bytes = new Uint8Array(Math.min(length, mostRead));
    const read = this.#session.vfio.read(region, offset, bytes);
    return read < 0 ? refused(read) : { kind: 'answered', bytes: bytes.subarray(0, read) };
  }

  write(region: number, offset: number, bytes: Uint8Array): DoorOutcome {
    return returned(this.#session.vfio.write(region, offset, bytes));
  }

  map({ region, offset, length, store }: CallOf<'region-map'>, keep: (mapping: VfioMapping) => void): DoorOutcome {
    const { vfio, places } = this.#session;
    const at = withinRegion(offset);
    const mapping = vfio.map(region, at, length);
    if (typeof mapping === 'number') return refused(mapping);
    keep(mapping);
    // Elsewhere a store means nothing that a text says.
    if (store !== undefined && region === places.doorbells && mapping.bytes.length >= 2) {
      vfio.store16(mapping, region, at, store);
    }
    return { kind: 'done', by: 'return' };
  }

  device(call: CallOf<'device-call'>, descriptors: readonly number[]): DoorOutcome {
    const { vfio, places } = this.#session;
    switch (call.call) {
      case 'information':
        return this.#call(call, vfioRequests.VFIO_DEVICE_GET_INFO, vfioDeviceInfo, {
          argsz: call.argsz ?? vfioDeviceInfo.size,
          flags: 0,
          numRegions: 0,
          numIrqs: 0,
        });
      case 'region':
        return this.#call(call, vfioRequests.VFIO_DEVICE_GET_REGION_INFO, vfioRegionInfo, {
          argsz: call.argsz ?? vfioRegionInfo.size,
          flags: 0,
          index: call.index ?? 0,
          capOffset: 0,
          size: 0n,
          offset: 0n,
        });
      case 'interrupts':
        return this.#call(call, vfioRequests.VFIO_DEVICE_GET_IRQ_INFO, vfioIrqInfo, {
          argsz: call.argsz ?? vfioIrqInfo.size,
          flags: 0,
          index: call.index ?? places.interrupts,
          count: 0,
        });
      case 'set-interrupts': {
        const { flags, start, count, bytes } = call;
        const data = new Uint8Array(4 * descriptors.length + bytes.length);
        data.set(new Uint8Array(Int32Array.from(descriptors).buffer));
        data.set(bytes, 4 * descriptors.length);
        const { argsz = vfioIrqSet.size + data.length, index = places.interrupts } = call;
        const fixed = encodeStructure(vfioIrqSet, { argsz, flags, index, start, count });
        const argument = new Uint8Array(fixed.length + data.length);
        argument.set(fixed);
        argument.set(data, fixed.length);
        return returned(vfio.file.ioctl(vfioRequests.VFIO_DEVICE_SET_IRQS, cut(argument, call.truncate)));
      }
      case 'reset':
        return this.#session.device.reset?.() ?? skipped;
      case 'unknown':
        return returned(vfio.file.ioctl(unknownRequest, new Uint8Array(64)));
    }
  }

  container(call: CallOf<'container-call'>, region: ToldMapping): DoorOutcome {
    const { vfio, places } = this.#session;
    if (places.memory === 'table') return skipped;
    const { ioVirtualAddress, userAddress, size } = region;
    const { truncate } = call;
    if (call.call === 'unmap') {
      const value = { argsz: call.argsz ?? vfioDmaUnmap.size, flags: call.flags ?? 0, ioVirtualAddress, size };
      const argument = cut(encodeStructure(vfioDmaUnmap, value), truncate);
      return returned(vfio.file.containerIoctl(vfioRequests.VFIO_IOMMU_UNMAP_DMA, argument));
    }
    const flags = call.flags ?? VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
    const value = { argsz: call.argsz ?? vfioDmaMap.size, flags, userAddress, ioVirtualAddress, size };
    const argument = cut(encodeStructure(vfioDmaMap, value), truncate);
    return returned(vfio.file.containerIoctl(vfioRequests.VFIO_IOMMU_MAP_DMA, argument));
  }

  #call<Value>({ truncate }: CallOf<'device-call'>, request: number, codec: Codec<Value>, value: Value): DoorOutcome {
    const argument = cut(encodeStructure(codec, value), truncate);
    const answer = this.#session.vfio.file.ioctl(request, argument);
    return answer < 0 ? refused(answer) : { kind: 'answered', bytes: argument };
  }
}

const cut = (argument: Uint8Array, length: number | undefined): Uint8Array =>
  length === undefined ? argument : argument.slice(0, length);

const refused = (error: number): DoorOutcome => ({ kind: 'refused', by: 'errno', value: -error });

const returned = (answer: number): DoorOutcome =>
  answer < 0 ? refused(answer) : { kind: 'done', by: 'return', value: BigInt(answer) };
