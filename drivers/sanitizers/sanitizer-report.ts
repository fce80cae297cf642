import type { SanitizerReport } from '../port/outcome.ts';

/**
 * Cuts what sanitizers wrote into reports. Frames look as those of AddressSanitizer and UndefinedBehaviorSanitizer, of
 * clang and gcc alike: `#1 0x55 in function place` with symbols, `#1 0x55 (module+0x12)` without.
 */

const startOfError = /^=+\d+=+ ?ERROR: (\w+): (.*)$/;
const startOfUndefined = /^(?:.*: )?runtime error: (.*)$/;
const summary = /^SUMMARY: /;
/** What comes behind the summary is a map of memory that says nothing to a reader of a finding. */
const access = /^(READ|WRITE) of size /;
const frame = /^\s*#\d+ 0x[0-9a-f]+ +(?:in (\S.*?) )?(\S+)/;

/** Functions that are no place of an error: those of sanitizers, of libc, and what calls main and threads. */
const notOwn =
  /^(?:__(?:asan|interceptor|sanitizer|ubsan|lsan|libc|GI|assert|pthread|mem|str)|(?:_start|main|abort|raise|gsignal|start_thread|clone3?|asan_thread_start|operator new.*)$)|^\(/;

/** A report as it was written, and whether all of it is there. */
export interface WrittenReport {
  readonly text: string;
  readonly isWhole: boolean;
}

export function reportsIn(text: string): WrittenReport[] {
  const reports: WrittenReport[] = [];
  let lines: string[] = [];
  const end = (isWhole: boolean): void => {
    if (lines.length > 0) reports.push({ text: lines.join('\n'), isWhole });
    lines = [];
  };
  for (const line of text.split('\n')) {
    if (startOfError.test(line) || startOfUndefined.test(line)) end(true);
    else if (lines.length === 0) continue;
    // What a report of undefined behaviour says behind its stack is said ahead of it.
    const isEnd = line === '' && startOfUndefined.test(lines[0] ?? '') && frame.test(lines.at(-1) ?? '');
    if (!isEnd) lines.push(line);
    if (isEnd || summary.test(line)) end(true);
  }
  end(false);
  return reports;
}

/** What a report says; its frames have symbols, if they could be had. */
export function readReport(text: string): SanitizerReport {
  const [first = '', ...others] = text.split('\n');
  const error = startOfError.exec(first);
  const kind = others.map((line) => access.exec(line)?.[1]).find((found) => found !== undefined);
  return {
    tool: error?.[1] ?? 'UndefinedBehaviorSanitizer',
    error:
      error === null ? withoutNumbers(startOfUndefined.exec(first)?.[1] ?? first) : nameOf(error[2] ?? '', kind ?? ''),
    functions: functionsOf(others),
    text,
  };
}

/** `heap-buffer-overflow on address 0x60…`: the name ahead of the address, and what the program did there. */
function nameOf(described: string, access: string): string {
  const name = described.replace(/ on (?:unknown )?address.*| 0x[0-9a-f].*|:.*/g, '').trim();
  return access === '' ? name : `${name} ${access}`;
}

/** `index 9 out of bounds for type 'int[8]'`: the index changes with the program, the type does not. */
function withoutNumbers(message: string): string {
  return message.replace(/(?<![\w'[])-?(?:0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?)\b/g, 'N').replace(/\s+/g, ' ');
}

/** Of the first stack: what follows says where memory came from. */
function functionsOf(lines: readonly string[]): string[] {
  const names: string[] = [];
  let hasBegun = false;
  for (const line of lines) {
    const found = frame.exec(line);
    if (found === null) {
      if (hasBegun) break;
      continue;
    }
    hasBegun = true;
    const name = found[1]?.replace(/\(.*$/, '');
    if (name !== undefined && !notOwn.test(name)) names.push(name);
  }
  return names;
}
