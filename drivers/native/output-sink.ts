import { addon, checked } from './addon.ts';

const newline = 0x0a;
const endOut = new Int32Array(1);

/**
 * Takes what a process prints, through a pipe that a thread empties: it uses no disk and bounded memory, and the process
 * never waits for us. The first 4 KiB and the last 64 KiB are kept.
 */
export class OutputSink {
  /** The end to give to the process; the caller closes it. */
  readonly writeFd: number;
  readonly #handle: number;
  #isClosed = false;

  constructor() {
    this.#handle = checked(addon.outputSinkCreate(endOut), 'pipe2');
    this.writeFd = endOut[0] ?? -1;
  }

  /** Up to `maxBytes` of what was printed first. */
  head(maxBytes: number): string {
    return this.#read(true, maxBytes).toString('utf8');
  }

  /** Up to `maxBytes` of what was printed last, from the start of a line. */
  tail(maxBytes: number): string {
    const bytes = this.#read(false, maxBytes + 1);
    return bytes.length <= maxBytes ? bytes.toString('utf8') : bytes.toString('utf8', bytes.indexOf(newline) + 1);
  }

  /** A process that still has the other end gets EPIPE when it prints. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    checked(addon.outputSinkClose(this.#handle), 'close');
  }

  #read(isHead: boolean, maxBytes: number): Buffer {
    const buffer = Buffer.alloc(maxBytes);
    if (this.#isClosed) return buffer.subarray(0, 0);
    return buffer.subarray(0, checked(addon.outputSinkRead(this.#handle, isHead, buffer), 'read'));
  }
}
