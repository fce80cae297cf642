import type { DeviceLayoutName } from '../../reference-impl/observations/event.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import {
  deviceLayoutNumber,
  ioctlPlaceNumber,
  regionAccessNumber,
} from '../../reference-impl/observations/event-numbers.ts';
import { decodeStructure } from '../../reference-impl/wire/structure.ts';
import { VFIO_REGION_SPAN, vfioRegionInfo, vfioRequests } from '../../reference-impl/wire/vfio-structures.ts';
import type { VfioFile, VfioMapping } from '../port/vhost-mdev-door.ts';
import type { OpeningCalls } from './vfio-carrier.ts';

interface KnownRegion {
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

/** Puts the calls that open a device into the log. */
export function recordedOpening(log: EventLog, session: number): OpeningCalls {
  return {
    begin(on, request, argument) {
      log.beginIoctl(ioctlPlaceNumber[on], deviceLayoutNumber.unknown, session, request, argument);
    },
    end(result, argument) {
      log.endCall(result, argument);
    },
  };
}

/** An open device of which every call enters the log: what was asked, with its bytes, and what came of it. */
export class RecordedVfioFile implements VfioFile {
  readonly #file: VfioFile;
  readonly #log: EventLog;
  readonly #session: number;
  /** Regions that the device told of, so that a position is a region and an offset in it. */
  readonly #regions: KnownRegion[] = [];
  readonly #storedBytes = new Uint8Array(2);
  readonly #stored = new DataView(this.#storedBytes.buffer);
  #layout: number = deviceLayoutNumber.unknown;

  constructor(file: VfioFile, log: EventLog, session: number) {
    this.#file = file;
    this.#log = log;
    this.#session = session;
  }

  /** What the regions of the device are, once that is known: readers of the log go by it. */
  setLayout(layout: DeviceLayoutName): void {
    this.#layout = deviceLayoutNumber[layout];
  }

  ioctl(request: number, argument: Uint8Array): number {
    this.#log.beginIoctl(ioctlPlaceNumber.device, this.#layout, this.#session, request, argument);
    const answer = this.#file.ioctl(request, argument);
    this.#log.endCall(answer, argument);
    if (request === vfioRequests.VFIO_DEVICE_GET_REGION_INFO && answer >= 0) this.#learn(argument);
    return answer;
  }

  containerIoctl(request: number, argument: Uint8Array): number {
    this.#log.beginIoctl(ioctlPlaceNumber.container, this.#layout, this.#session, request, argument);
    const answer = this.#file.containerIoctl(request, argument);
    this.#log.endCall(answer, argument);
    return answer;
  }

  pread(position: number, bytes: Uint8Array, count = bytes.length): number {
    this.#begin(regionAccessNumber.read, position, count);
    const answer = this.#file.pread(position, bytes, count);
    this.#log.endCall(answer, bytes);
    return answer;
  }

  pwrite(position: number, bytes: Uint8Array, count = bytes.length): number {
    this.#begin(regionAccessNumber.write, position, count, bytes);
    const answer = this.#file.pwrite(position, bytes, count);
    this.#log.endCall(answer);
    return answer;
  }

  map(position: number, length: number): VfioMapping | number {
    this.#begin(regionAccessNumber.map, position, length);
    const mapping = this.#file.map(position, length);
    this.#log.endCall(typeof mapping === 'number' ? mapping : 0);
    return mapping;
  }

  /** Stores 16 bits into a mapping that begins at a position, as one access. */
  store16(mapping: VfioMapping, position: number, value: number): void {
    const { buffer, byteOffset } = mapping.bytes;
    this.#stored.setUint16(0, value, true);
    this.#begin(regionAccessNumber.store, position, this.#storedBytes.length, this.#storedBytes);
    // One store of 16 bits: a device may look between two of 8.
    Atomics.store(new Uint16Array(buffer, byteOffset, 1), 0, value);
    this.#log.endCall(this.#storedBytes.length);
  }

  close(): void {
    this.#file.close();
  }

  #begin(access: number, position: number, length: number, bytes?: Uint8Array): void {
    let index = Math.floor(position / VFIO_REGION_SPAN);
    let start = index * VFIO_REGION_SPAN;
    // Behind every region, the indices are as the kernel places them.
    for (const region of this.#regions) {
      if (position < region.start || position >= region.end) continue;
      index = region.index;
      start = region.start;
    }
    this.#log.beginRegionAccess(access, this.#layout, this.#session, index, position - start, length, bytes);
  }

  #learn(argument: Uint8Array): void {
    const info = decodeStructure(vfioRegionInfo, argument);
    // A region without bytes may lie where another does.
    if (info === undefined || info.size === 0n || this.#regions.some(({ index }) => index === info.index)) return;
    const start = Number(info.offset);
    this.#regions.push({ index: info.index, start, end: start + Number(info.size) });
  }
}
