import { CatalogueError } from '../errors.ts';

/** Each function returns its value with the narrow type, or throws a CatalogueError that begins with `where`. */

export function objectOf(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CatalogueError(`${where}: not an object`);
  }
  return { ...value };
}

export function stringOf(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') throw new CatalogueError(`${where}: not a text: ${String(value)}`);
  return value;
}

export function numberOf(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new CatalogueError(`${where}: not a whole number: ${String(value)}`);
  }
  return value;
}

export function booleanOf(value: unknown, where: string): boolean {
  if (typeof value !== 'boolean') throw new CatalogueError(`${where}: neither true nor false: ${String(value)}`);
  return value;
}

export function namesOf(value: unknown, where: string): readonly string[] {
  if (!Array.isArray(value)) throw new CatalogueError(`${where}: not a list`);
  return value.map((name: unknown) => stringOf(name, where));
}

export function oneOf<const T extends string>(allowed: readonly T[], value: unknown, where: string): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined) throw new CatalogueError(`${where}: ${String(value)} is none of ${allowed.join(', ')}`);
  return found;
}

export function everyOneOf<const T extends string>(allowed: readonly T[], value: unknown, where: string): readonly T[] {
  return namesOf(value, where).map((name) => oneOf(allowed, name, where));
}

/** Refuses keys that nothing reads: a misspelt optional key would otherwise be lost in silence. */
export function onlyKeys(written: Readonly<Record<string, unknown>>, known: readonly string[], where: string): void {
  for (const key of Object.keys(written)) {
    if (!known.includes(key)) throw new CatalogueError(`${where}: unknown key ${key}`);
  }
}
