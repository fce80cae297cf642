import { z } from 'zod';
import { inWords, issueWords } from '../../reference-impl/schema-words.ts';
import {
  type BeginRecord,
  type CaseRecord,
  type EndRecord,
  type RunEvent,
  type RunRecord,
  record,
  recordSchemaVersion,
  type TargetRecord,
} from './record.ts';
import { RecordError } from './record-error.ts';
import { reasonOf } from './record-writer.ts';
import { readRunFile } from './run-file.ts';

/** All records of one results file, in the order of the file. */
export interface RunRecords {
  readonly path: string;
  readonly run: RunRecord;
  readonly targets: readonly TargetRecord[];
  readonly begins: readonly BeginRecord[];
  readonly cases: readonly CaseRecord[];
  /** Absent when the run was killed. A resumed run has one for each part. */
  readonly ends: readonly EndRecord[];
  /** Numbers (from 1) of lines that a killed process left unfinished. */
  readonly tornLines: readonly number[];
  /** Numbers of lines with an event that a later minor version added. */
  readonly unknownLines: readonly number[];
}

const anyEvent = z.looseObject({ event: z.string() });
const versionOnly = z.looseObject({
  event: z.literal('run'),
  schema: z.looseObject({ major: z.number(), minor: z.number() }),
});
const knownEvents: ReadonlySet<string> = new Set(record.options.map((option) => option.shape.event.value));

/**
 * Reads a results file. Accepts lines that were torn by the death of their writer, unknown fields, and events
 * added by later minor versions.
 * @throws RecordError with one line that names the file and the line: no record file, another major version, an
 * unknown verdict or any other record that does not fit the schema.
 */
export function readRecords(path: string): RunRecords {
  let text: string;
  try {
    text = readRunFile(path).toString('utf8');
  } catch (cause) {
    throw new RecordError(path, `cannot be read (${reasonOf(cause)})`, { cause });
  }
  return parseRecords(path, text);
}

/** As `readRecords`, of text already at hand; `path` is used in messages alone. */
export function parseRecords(path: string, text: string): RunRecords {
  const events: RunEvent[] = [];
  const tornLines: number[] = [];
  const unknownLines: number[] = [];
  let isRunSeen = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const number = index + 1;
    const value = parseJson(line);
    if (!isRunSeen) {
      refuseOtherVersions(path, value);
      isRunSeen = true;
    }
    if (value === undefined) {
      tornLines.push(number);
      continue;
    }
    const shape = anyEvent.safeParse(value);
    if (shape.success && !knownEvents.has(shape.data.event)) {
      unknownLines.push(number);
      continue;
    }
    events.push(parseEvent(path, number, value));
  }
  return collect(path, events, tornLines, unknownLines);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function refuseOtherVersions(path: string, firstLine: unknown): void {
  const parsed = versionOnly.safeParse(firstLine);
  if (!parsed.success) throw new RecordError(path, 'is not a file of results: its first line is not a run record');
  const { major } = parsed.data.schema;
  if (major !== recordSchemaVersion.major) {
    throw new RecordError(
      path,
      `has record schema ${major}.${parsed.data.schema.minor}; this version reads ${recordSchemaVersion.major}.x`,
    );
  }
}

function parseEvent(path: string, line: number, value: unknown): RunEvent {
  const parsed = record.safeParse(value, inWords);
  if (parsed.success) return parsed.data;
  throw new RecordError(path, `line ${line} is not a record of this schema: ${issueWords(parsed.error.issues)}`);
}

function collect(
  path: string,
  events: readonly RunEvent[],
  tornLines: readonly number[],
  unknownLines: readonly number[],
): RunRecords {
  const runs = ofKind(events, 'run');
  const [run] = runs;
  if (run === undefined) throw new RecordError(path, 'is not a file of results: it is empty');
  for (const other of runs) {
    if (other.planHash !== run.planHash) throw new RecordError(path, 'holds runs of two different plans');
  }
  return {
    path,
    run,
    targets: ofKind(events, 'target'),
    begins: ofKind(events, 'begin'),
    cases: ofKind(events, 'case'),
    ends: ofKind(events, 'end'),
    tornLines,
    unknownLines,
  };
}

function ofKind<Kind extends RunEvent['event']>(
  events: readonly RunEvent[],
  kind: Kind,
): Extract<RunEvent, { event: Kind }>[] {
  return events.filter((event): event is Extract<RunEvent, { event: Kind }> => event.event === kind);
}
