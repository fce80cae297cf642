import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import { inWords, issueWords } from '../../reference-impl/schema-words.ts';
import { type RunEvent, record } from './record.ts';
import { RecordError } from './record-error.ts';
import { openRunFile } from './run-file.ts';

const newline = 0x0a;
const looksAtLine = 5;

/**
 * Appends records to a results file. Synchronous, so that a host process can use it between two blocking
 * calls: when `append` returns, the record survives the death of this process. Several processes may append
 * to one file, because each record is one write to a descriptor opened with O_APPEND.
 */
export class RecordWriter {
  readonly path: string;
  readonly #descriptor: number;
  readonly #last = Buffer.alloc(1);
  #isOpen = true;

  /** @throws RecordError where the file cannot be opened. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#descriptor = openRunFile(path);
    } catch (cause) {
      throw new RecordError(path, `cannot be opened for writing (${reasonOf(cause)})`, { cause });
    }
  }

  /** @throws RecordError for a record that no reader would accept, and where the disk is full. */
  append(event: RunEvent): void {
    if (!this.#isOpen) throw new RecordError(this.path, 'is closed');
    const checked = record.safeParse(event, inWords);
    if (!checked.success) {
      throw new RecordError(this.path, `refused a ${event.event} record: ${issueWords(checked.error.issues)}`);
    }
    // A process that was killed while it wrote leaves half a line, which this record must not continue.
    const before = this.#endsInsideLine() ? '\n' : '';
    this.#write(Buffer.from(`${before}${JSON.stringify(event)}\n`, 'utf8'));
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#descriptor);
  }

  /** Of the file as it is now. What another process is writing at this moment is whole when it is looked at again. */
  #endsInsideLine(): boolean {
    for (let look = 0; look < looksAtLine; look++) if (this.#endsWithNewline()) return false;
    return true;
  }

  #endsWithNewline(): boolean {
    const { size } = fstatSync(this.#descriptor);
    return size === 0 || (readSync(this.#descriptor, this.#last, 0, 1, size - 1) === 1 && this.#last[0] === newline);
  }

  #write(line: Buffer): void {
    let written = 0;
    try {
      while (written < line.length) written += writeSync(this.#descriptor, line, written);
    } catch (cause) {
      throw new RecordError(this.path, `cannot be written (${reasonOf(cause)})`, { cause });
    }
  }
}

/** `ENOSPC: no space left on device` of `ENOSPC: no space left on device, write`. */
export function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split(',')[0] ?? message;
}
