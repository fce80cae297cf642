import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { join } from 'node:path';
import { Instrumenter } from '@stryker-mutator/instrumenter';
import type { Extent } from './extent.ts';
import { DecidedCode } from './fault-only-code.ts';
import { keepsFaultState, tellsObserver, usedNames } from './only-for-faults.ts';
import { withRemovableStatements } from './removable-statements.ts';
import { isSameProgram } from './rule-constants.ts';

/** One change of one expression or statement of the device side. */
export interface Mutant {
  /** Its number among all mutants of this code: what switches it on. */
  readonly id: string;
  /** The source, below the project. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly mutator: string;
  readonly original: string;
  readonly replacement: string;
  /** Which of the places in this file with this original and this replacement, from 0. With them it outlives moved lines. */
  readonly occurrence: number;
}

/** A mutated file with a switch for each of its mutants. */
export interface InstrumentedFile {
  readonly file: string;
  readonly code: string;
}

/**
 * Kinds of change that measure nothing (docs/decisions/mutants.md): words of the log, and changes that the compiler
 * refuses, so that no device could have them.
 */
const excludedMutators = ['StringLiteral', 'ObjectLiteral', 'OptionalChaining'];

/** What Stryker puts into an array that was empty. No type of ours has it as an element. */
const strangerInArray = 'Stryker was here';

const isOn = (): boolean => false;
const write = (): void => {};
const silentLogger = {
  isTraceEnabled: isOn,
  isDebugEnabled: isOn,
  isInfoEnabled: isOn,
  isWarnEnabled: isOn,
  isErrorEnabled: isOn,
  isFatalEnabled: isOn,
  trace: write,
  debug: write,
  info: write,
  warn: write,
  error: write,
  fatal: write,
};

/** All mutants of some files, in an order that the code alone decides. */
export interface MutatedCode {
  readonly mutants: Mutant[];
  /** Early ends (`return` behind an `if`). No mutants, as their condition is one: they show which items come there. */
  readonly ends: Mutant[];
  readonly code: InstrumentedFile[];
}

/** Makes all mutants of built files (paths below `dist`). */
export async function mutantsOf(dist: string, files: readonly string[]): Promise<MutatedCode> {
  const instrumenter = new Instrumenter(silentLogger);
  const built = new Map(files.map((file) => [file, readFileSync(join(dist, file), 'utf8')]));
  const used = usedNames(dist);
  const decided = new Map(files.map((file) => [file, new DecidedCode()]));
  const wrapped = await withRemovableStatements(instrumenter, built, (file, path) =>
    decided.get(file)?.look(path, used),
  );
  const sources = new Map([...wrapped].map(([file, { content }]) => [file, content]));
  const result = await instrumenter.instrument(
    [...sources].map(([name, content]) => ({ name, content, mutate: true })),
    { plugins: null, excludedMutations: excludedMutators, ignorers: [] },
  );
  const maps = new Map(files.map((file) => [file, sourceMapOf(join(dist, file))]));
  const seen = new Map<string, number>();
  const isEnd = ({ fileName, location }: Placed): boolean => {
    const extent = extentIn(sources.get(fileName) ?? '', location.start, location.end);
    return wrapped.get(fileName)?.isEnd(extent) === true;
  };
  const described = ({ id, fileName, location, mutatorName, replacement }: (typeof result.mutants)[number]): Mutant => {
    const source = sources.get(fileName) ?? '';
    const original = oneLine(textBetween(source, location.start, location.end));
    const changed = oneLine(replacement ?? '');
    const place = [fileName, original, changed].join('\0');
    const occurrence = seen.get(place) ?? 0;
    seen.set(place, occurrence + 1);
    const origin = maps.get(fileName)?.findEntry(location.start.line, location.start.column);
    const line = origin !== undefined && 'originalLine' in origin ? origin.originalLine : location.start.line;
    return {
      id,
      file: fileName.replace(/\.js$/, '.ts'),
      line: line + 1,
      mutator: mutatorName,
      original,
      replacement: changed,
      occurrence,
    };
  };
  const measures = result.mutants.filter(({ mutatorName, replacement }) => isMeasure(mutatorName, replacement));
  const mutants = measures
    .filter((one) => !isEnd(one))
    .filter(({ fileName, location, replacement = '' }) => {
      const extent = extentIn(sources.get(fileName) ?? '', location.start, location.end);
      const asBuilt = wrapped.get(fileName)?.built(extent) ?? extent;
      return decided.get(fileName)?.covers(asBuilt, replacement) !== true;
    })
    .map(described)
    .filter(
      ({ original, replacement }) =>
        !isSameProgram(original, replacement) && !keepsFaultState(original) && !tellsObserver(original),
    );
  const ends = measures.filter(isEnd).map(described);
  return { mutants, ends, code: result.files.map(({ name, content }) => ({ file: name, code: content })) };
}

const isMeasure = (mutator: string, replacement: string | undefined): boolean =>
  !excludedMutators.includes(mutator) && replacement?.includes(strangerInArray) !== true;

function extentIn(source: string, start: Position, end: Position): Extent {
  const lines = source.split('\n');
  const offsetOf = ({ line, column }: Position): number =>
    lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, column);
  return { start: offsetOf(start), end: offsetOf(end) };
}

interface Placed {
  readonly fileName: string;
  readonly location: { readonly start: Position; readonly end: Position };
}

interface Position {
  readonly line: number;
  readonly column: number;
}

function textBetween(source: string, start: Position, end: Position): string {
  const lines = source.split('\n').slice(start.line, end.line + 1);
  const last = lines.length - 1;
  return lines
    .map((line, index) => line.slice(index === 0 ? start.column : 0, index === last ? end.column : line.length))
    .join('\n');
}

/** Comments and breaks of lines do not tell mutants apart. */
const oneLine = (code: string): string =>
  code
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/(^|\s)\/\/[^\n]*/g, '$1')
    .replace(/\s+/g, ' ')
    .trim();

function sourceMapOf(file: string): SourceMap {
  return new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload);
}

/** Mutants that stand beside one: on its line, itself among them, and within a few lines. */
export interface Neighbours {
  readonly sameLine: readonly string[];
  readonly around: readonly string[];
}

const linesAround = 6;

/** The neighbours of some mutants among all, by the mutant's number. */
export function neighboursOf(wanted: readonly Mutant[], all: readonly Mutant[]): Map<string, Neighbours> {
  const byFile = new Map<string, Mutant[]>();
  for (const one of all) {
    const inFile = byFile.get(one.file);
    if (inFile === undefined) byFile.set(one.file, [one]);
    else inFile.push(one);
  }
  return new Map(
    wanted.map(({ id, file, line }) => {
      const within = (lines: number): string[] =>
        (byFile.get(file) ?? []).filter((one) => Math.abs(one.line - line) <= lines).map((one) => one.id);
      return [id, { sameLine: within(0), around: within(linesAround) }];
    }),
  );
}
