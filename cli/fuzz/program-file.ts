import { parseProgram } from '../../fuzz/program/parse-program.ts';
import { type Program, ProgramError } from '../../fuzz/program/program.ts';
import { decodeProgram } from '../../fuzz/program/program-encoding.ts';
import { readNamedFile } from '../../reports/record/run-file.ts';
import { UsageError } from '../usage-error.ts';

/** What a program may have as a file: the text of the longest one is shorter. */
const mostBytes = 1 << 26;

/**
 * Reads a program from a file, as text or as protobuf.
 * @throws UsageError with one line.
 */
export function readProgram(path: string): Program {
  const bytes = bytesOf(path);
  try {
    return isText(bytes) ? parseProgram(bytes.toString('utf8')) : decodeProgram(bytes);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    throw new UsageError(`${path}: ${error.message}`);
  }
}

function bytesOf(path: string): Buffer {
  try {
    return readNamedFile(path, mostBytes);
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Protobuf begins with the tag of the schema's version, which no text does. */
const isText = (bytes: Buffer): boolean => bytes.length === 0 || (bytes[0] as number) >= 0x20 || bytes[0] === 0x0a;
