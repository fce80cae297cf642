import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import {
  deviceLayoutNumber,
  ioctlPlaceNumber,
  regionAccessNumber,
} from '../../reference-impl/observations/event-numbers.ts';
import type { VdpaFile, VdpaMapping, VdpaPageRequest } from '../port/vhost-vdpa-door.ts';

const layout = deviceLayoutNumber['vhost-vdpa'];
/** In the log, what is written to the file is of the first region, and doorbells are the second. */
const regions = { file: 0, doorbells: 1 } as const;

/** One store of 16 bits, at the start of the page. */
export function storeDoorbell({ bytes }: VdpaMapping, value: number): void {
  new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0] = value;
}

/** An open device of which every call enters the log: what was asked, with its bytes, and what came of it. */
export class RecordedVdpaFile implements VdpaFile {
  readonly #file: VdpaFile;
  readonly #log: EventLog;
  readonly #session: number;
  readonly #pageSize: number;
  readonly #storedBytes = new Uint8Array(2);
  readonly #stored = new DataView(this.#storedBytes.buffer);

  constructor(file: VdpaFile, log: EventLog, session: number, pageSize: number) {
    this.#file = file;
    this.#log = log;
    this.#session = session;
    this.#pageSize = pageSize;
  }

  ioctl(request: number, argument: Uint8Array): number {
    this.#log.beginIoctl(ioctlPlaceNumber.device, layout, this.#session, request, argument);
    const answer = this.#file.ioctl(request, argument);
    this.#log.endCall(answer, argument);
    return answer;
  }

  write(bytes: Uint8Array): number {
    this.#begin(regionAccessNumber.write, regions.file, 0, bytes.length, bytes);
    const answer = this.#file.write(bytes);
    this.#log.endCall(answer);
    return answer;
  }

  map(request: VdpaPageRequest): VdpaMapping | number {
    this.#begin(regionAccessNumber.map, regions.doorbells, request.page * this.#pageSize, request.length);
    const mapping = this.#file.map(request);
    this.#log.endCall(typeof mapping === 'number' ? mapping : 0);
    return mapping;
  }

  /** Stores 16 bits into the mapped page, as one access. */
  store16(mapping: VdpaMapping, page: number, value: number): void {
    this.#stored.setUint16(0, value, true);
    this.#begin(regionAccessNumber.store, regions.doorbells, page * this.#pageSize, 2, this.#storedBytes);
    storeDoorbell(mapping, value);
    this.#log.endCall(this.#storedBytes.length);
  }

  close(): void {
    this.#file.close();
  }

  #begin(access: number, region: number, offset: number, length: number, bytes?: Uint8Array): void {
    this.#log.beginRegionAccess(access, layout, this.#session, region, offset, length, bytes);
  }
}
