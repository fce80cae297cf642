import type { Completion, DeviceModel, DeviceModelOptions, Pending, Request } from './device-model.ts';

/** Fewer bytes than these repeat by chance. */
const comparable = 16;

/** The entropy device (virtio 5.4). */
export class EntropyModel implements DeviceModel {
  readonly #options: DeviceModelOptions;
  readonly #seen = new Set<string>();

  constructor(options: DeviceModelOptions) {
    this.#options = options;
  }

  begin({ readable, room, before }: Request): Pending {
    if (readable.length > 0 || room === 0) {
      return { isOwed: false, complete: () => this.#options.take('undefined-request') };
    }
    return { isOwed: true, complete: (completion) => this.#complete(completion, room, before) };
  }

  lose(): void {}

  #complete({ len, written }: Completion, room: number, before: Uint8Array | undefined): void {
    const { tell, take } = this.#options;
    const at = before === undefined ? -1 : before.findIndex((byte, n) => n >= len && byte !== written[n]);
    if (at >= 0) {
      const what = `byte ${at} of a buffer of which ${len} bytes were placed`;
      const [expected, actual] = [before, written].map((bytes) => String(bytes?.[at]));
      const requirement = 'entropy/used-len-counts-bytes-placed';
      tell({ requirement, what, expected: expected ?? '', actual: actual ?? '' });
    }
    if (len === 0) {
      const what = `the bytes placed in a buffer of ${room}`;
      tell({ requirement: 'entropy/at-least-one-byte-placed', what, expected: '1 at least', actual: '0' });
    }
    take('random-bytes');
    if (len < comparable) return;
    const bytes = written.subarray(0, len);
    const key = bytes.subarray(0, comparable).join();
    const isFlat = bytes.every((byte) => byte === bytes[0]);
    if (isFlat || this.#seen.has(key)) {
      const what = `${len} random bytes`;
      const actual = isFlat ? `${bytes[0]} over and over` : 'those of an earlier buffer';
      tell({ requirement: 'entropy/bytes-do-not-repeat', what, expected: 'bytes that do not repeat', actual });
    }
    this.#seen.add(key);
  }
}
