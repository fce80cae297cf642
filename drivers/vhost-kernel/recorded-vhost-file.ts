import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import {
  deviceLayoutNumber,
  ioctlPlaceNumber,
  regionAccessNumber,
} from '../../reference-impl/observations/event-numbers.ts';
import type { VhostFile } from '../port/vhost-kernel-door.ts';

const layout = deviceLayoutNumber['vhost-vdpa'];
/** In the log, what is written to the file and read of it is of the first region, and doorbells are the second. */
const regions = { file: 0, doorbells: 1 } as const;

/** An open device file of which every call enters the log: what was asked, with its bytes, and what came of it. */
export class RecordedVhostFile<File extends VhostFile> implements VhostFile {
  protected readonly file: File;
  protected readonly log: EventLog;
  readonly #session: number;

  constructor(file: File, log: EventLog, session: number) {
    this.file = file;
    this.log = log;
    this.#session = session;
  }

  ioctl(request: number, argument: Uint8Array): number {
    this.log.beginIoctl(ioctlPlaceNumber.device, layout, this.#session, request, argument);
    const answer = this.file.ioctl(request, argument);
    this.log.endCall(answer, argument);
    return answer;
  }

  write(bytes: Uint8Array): number {
    this.begin('write', 'file', 0, bytes.length, bytes);
    const answer = this.file.write(bytes);
    this.log.endCall(answer);
    return answer;
  }

  close(): void {
    this.file.close();
  }

  protected begin(
    access: keyof typeof regionAccessNumber,
    region: keyof typeof regions,
    offset: number,
    length: number,
    bytes?: Uint8Array,
  ): void {
    const place = regions[region];
    this.log.beginRegionAccess(regionAccessNumber[access], layout, this.#session, place, offset, length, bytes);
  }
}
