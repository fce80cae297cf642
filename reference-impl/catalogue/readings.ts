import { CatalogueError } from '../errors.ts';
import { objectOf, oneOf, onlyKeys, stringOf } from './checked-json.ts';
import { type Basis, bases, isBeyondText, type Level, levels, type Requirement } from './requirement.ts';
import { type SourceName, sourceNameOf } from './sources.ts';

/** Requirements are read twice, by readers who do not see each other's reading; docs/CATALOGUE.md says how. */

const bound = ['device', 'driver', 'back-end', 'front-end', 'kernel'] as const;

/** What a reader found in the text. Null level and version: no text says it. */
export interface Reading {
  readonly level: Level | null;
  readonly basis: Basis;
  readonly since: SourceName | null;
  readonly binds: (typeof bound)[number];
}

/** What stands where the readings differ, or where both were mistaken, and why. */
export interface Resolution extends Reading {
  readonly reason: string;
}

export interface ReadTwice {
  readonly first: Reading;
  readonly second: Reading;
  readonly resolution: Resolution | undefined;
}

const readingKeys = ['level', 'basis', 'since', 'binds'] as const;

function readingFrom(value: unknown, where: string, more: readonly string[]): Reading {
  const written = objectOf(value, where);
  onlyKeys(written, [...readingKeys, ...more], where);
  const { level, basis, since, binds } = written;
  return {
    level: level === null ? null : oneOf(levels, level, `${where}: level`),
    basis: oneOf(bases, basis, `${where}: basis`),
    since: since === null ? null : sourceNameOf(since, `${where}: since`),
    binds: oneOf(bound, binds, `${where}: binds`),
  };
}

/** One entry of a file of readings. @throws CatalogueError naming slug and field */
export function readTwiceFrom(slug: string, value: unknown): ReadTwice {
  const written = objectOf(value, slug);
  onlyKeys(written, ['first', 'second', 'resolution'], slug);
  const { first, second, resolution } = written;
  const read = {
    first: readingFrom(first, `${slug}: first`, []),
    second: readingFrom(second, `${slug}: second`, ['features', 'observable', 'note']),
  };
  if (resolution === undefined) return { ...read, resolution: undefined };
  const where = `${slug}: resolution`;
  const reason = stringOf(objectOf(resolution, where)['reason'], `${where}: reason`);
  return { ...read, resolution: { ...readingFrom(resolution, where, ['reason']), reason } };
}

/** In what two readings differ. Where neither finds a text, they agree: what is expected beyond it is no reading. */
export function differences(one: Reading, other: Reading): (keyof Reading)[] {
  const binds = one.binds === other.binds ? [] : (['binds'] as const);
  const isBeyond = isBeyondText(one.basis);
  if (isBeyond !== isBeyondText(other.basis)) return ['basis', ...binds];
  if (isBeyond) return [...binds];
  return readingKeys.filter((key) => one[key] !== other[key]);
}

/** What the catalogue must say. @throws CatalogueError where readings differ and nothing resolves it */
export function resolved(slug: string, { first, second, resolution }: ReadTwice): Reading {
  if (resolution !== undefined) return resolution;
  const open = differences(first, second);
  if (open.length > 0)
    throw new CatalogueError(`${slug}: the readings differ in ${open.join(', ')}, and nothing resolves it`);
  return second;
}

/** A requirement as a reading: that of its entry in the catalogue. */
export function readingOf({ level, basis, since, binds }: Requirement): Reading {
  return { level, basis, since: isBeyondText(basis) ? null : since, binds };
}

/** Whether a requirement has to be read twice: a case or an observation can find it broken, and the text demands it. */
export function wantsSecondReader({ level, basis, untested, binds }: Requirement): boolean {
  const isJudged = untested === undefined || binds === 'front-end';
  return isJudged && !isBeyondText(basis) && (level === 'MUST' || level === 'MUST NOT');
}
