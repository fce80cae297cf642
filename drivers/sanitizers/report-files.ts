import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SanitizerReport } from '../port/outcome.ts';
import { readReport, reportsIn } from './sanitizer-report.ts';
import { Symbols } from './symbols.ts';

const prefix = 'sanitizer';
/** Of one file, with the place of what was read. */
const mostBytes = 1 << 20;

/** Of all processes: what was looked up once is known. */
export const symbols = new Symbols();

/** Reports go to files: a report on standard error would be cut. Symbols are looked up by us: that is slow in the IUT. */
const common = `log_path={dir}/${prefix}:symbolize=0:print_stacktrace=1`;

/** Variables that make sanitizers of a program report to us; what the user has set comes last and so counts. */
export function sanitizerEnvironment(own: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const withOwn = (name: string, ours: string): string => [ours, own[name]].filter(Boolean).join(':');
  return {
    ASAN_OPTIONS: withOwn(
      'ASAN_OPTIONS',
      `${common}:abort_on_error=1:handle_abort=1:detect_leaks=0:disable_coredump=1`,
    ),
    UBSAN_OPTIONS: withOwn('UBSAN_OPTIONS', common),
  };
}

/** What sanitizers of an IUT write in its directory. It may put anything there: only plain files are read. */
export class ReportFiles {
  readonly #directory: string;
  /** Bytes that were read, by the name of the file. */
  readonly #read = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reports that were written since the last call. @param hasEnded what was left half is taken as it is. */
  take(hasEnded: boolean): SanitizerReport[] {
    return this.#names().flatMap((name) => this.#takeFrom(name, hasEnded));
  }

  /** Forgets and removes all: another process writes from now on. */
  clear(): void {
    for (const name of this.#names()) rmSync(join(this.#directory, name), { recursive: true, force: true });
    this.#read.clear();
  }

  #names(): string[] {
    try {
      return readdirSync(this.#directory).filter((name) => name.startsWith(`${prefix}.`));
    } catch {
      return [];
    }
  }

  #takeFrom(name: string, hasEnded: boolean): SanitizerReport[] {
    const from = this.#read.get(name) ?? 0;
    const text = textFrom(join(this.#directory, name), from);
    const reports = reportsIn(text);
    const whole = hasEnded ? reports : reports.filter(({ isWhole }) => isWhole);
    const left = reports.slice(whole.length).reduce((sum, report) => sum + report.text.length, 0);
    this.#read.set(name, from + text.length - left);
    return whole.map((report) => readReport(symbols.into(report.text)));
  }
}

function textFrom(path: string, from: number): string {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return '';
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile() || status.size <= from || from >= mostBytes) return '';
    const bytes = Buffer.alloc(Math.min(status.size, mostBytes) - from);
    return bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, from));
  } finally {
    closeSync(file);
  }
}
