/**
 * The areas of the catalogue, a file each. Slugs are literal types, so citing an unknown one does not compile; the values
 * are read as `unknown` and checked one by one in requirement.ts.
 */
import * as areas from './area-files.ts';

type Areas = typeof areas;

/** Every permanent slug, `area-short/what-it-says`. */
export type RequirementSlug = { readonly [Name in keyof Areas]: keyof Areas[Name] }[keyof Areas];

/** Area name to its requirements as written, by slug; in the order of the names. */
export const requirementsByArea: ReadonlyMap<string, Readonly<Record<string, unknown>>> = new Map(
  Object.entries<Readonly<Record<string, unknown>>>(areas),
);
