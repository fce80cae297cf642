import { closeSync, constants, openSync, readSync, rmSync } from 'node:fs';
import { monotonicUs } from '../native/native.ts';
import type { DeviceCall, DeviceCalls } from '../port/iut.ts';
import { eventClock } from '../session/deadline.ts';

const pieceBytes = 0x1_0000;
/** What a log may hold that was not read; more is no log of calls. */
const mostBytes = 0x100_0000;
/** Calls of processes that have ended, and that nothing asked for. */
const mostUnread = 4096;
/** Microseconds, device, connection, call with its arguments, result. */
const line = /^(\d+) (\S+) (\d+) ((\w+).*?) -> (.+)$/;

/**
 * A call as a line of the log tells it; undefined where the line is none.
 * @param ahead what the clock of events is ahead of the monotonic one, in microseconds.
 */
export function deviceCallIn(text: string, process: number, ahead: number): DeviceCall | undefined {
  const found = line.exec(text);
  if (found === null) return undefined;
  const [, time, device = '', connection, detail = '', call = '', result = ''] = found;
  return { process, timeUs: Number(time) + ahead, device, connection: Number(connection), call, text: detail, result };
}

/** The log that a back-end writes of what its device is told, a line for each call. Read as it grows. */
export class DeviceLog {
  readonly #path: string;
  readonly #unread: DeviceCall[] = [];
  #process = 0;
  #offset = 0;
  #rest = '';
  readonly #ahead = eventClock() - monotonicUs();

  constructor(path: string) {
    this.#path = path;
  }

  /** Another process begins: what the one before it wrote is kept, the file is not. */
  beginAnew(): void {
    this.#unread.push(...this.#read().slice(-mostUnread));
    this.#unread.splice(0, Math.max(0, this.#unread.length - mostUnread));
    rmSync(this.#path, { force: true });
    this.#process++;
    this.#offset = 0;
    this.#rest = '';
  }

  /** The calls since the last time, in order. */
  take(): DeviceCalls {
    return { process: this.#process, calls: [...this.#unread.splice(0), ...this.#read()] };
  }

  #read(): DeviceCall[] {
    const lines = (this.#rest + this.#grown()).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((text) => deviceCallIn(text, this.#process, this.#ahead) ?? []);
  }

  #grown(): string {
    let file: number;
    try {
      file = openSync(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      // Nothing was written yet.
      return '';
    }
    const pieces: Buffer[] = [];
    try {
      for (let bytes = 0; bytes < mostBytes; ) {
        const piece = Buffer.alloc(pieceBytes);
        const count = readSync(file, piece, 0, pieceBytes, this.#offset);
        if (count === 0) break;
        pieces.push(piece.subarray(0, count));
        this.#offset += count;
        bytes += count;
      }
    } catch {
      // It is no file, but what the back-end put in its place.
    } finally {
      closeSync(file);
    }
    return Buffer.concat(pieces).toString('latin1');
  }
}
