import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { VdpaFile, VdpaMapping, VdpaPageRequest } from '../port/vhost-vdpa-door.ts';
import { RecordedVhostFile } from '../vhost-kernel/recorded-vhost-file.ts';

/** One store of 16 bits, at the start of the page. */
export function storeDoorbell({ bytes }: VdpaMapping, value: number): void {
  new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0] = value;
}

/** An open vhost-vdpa device of which every call enters the log, and every mapping and store. */
export class RecordedVdpaFile extends RecordedVhostFile<VdpaFile> implements VdpaFile {
  readonly #pageSize: number;
  readonly #storedBytes = new Uint8Array(2);
  readonly #stored = new DataView(this.#storedBytes.buffer);

  constructor(file: VdpaFile, log: EventLog, session: number, pageSize: number) {
    super(file, log, session);
    this.#pageSize = pageSize;
  }

  map(request: VdpaPageRequest): VdpaMapping | number {
    this.begin('map', 'doorbells', request.page * this.#pageSize, request.length);
    const mapping = this.file.map(request);
    this.log.endCall(typeof mapping === 'number' ? mapping : 0);
    return mapping;
  }

  /** Stores 16 bits into the mapped page, as one access. */
  store16(mapping: VdpaMapping, page: number, value: number): void {
    this.#stored.setUint16(0, value, true);
    this.begin('store', 'doorbells', page * this.#pageSize, 2, this.#storedBytes);
    storeDoorbell(mapping, value);
    this.log.endCall(this.#storedBytes.length);
  }
}
