import type { AnyCase } from './case.ts';
import { type CaseFile, caseFileNames, casesOfFiles } from './load-cases.ts';

const filed = await casesOfFiles(caseFileNames);

/** Every case of the project, by id. Ids are unique: a test looks. */
export const allCases: readonly AnyCase[] = filed
  .map(({ definition }) => definition)
  .sort((a, b) => (a.id < b.id ? -1 : 1));

const fileById = new Map(filed.map(({ file, definition }) => [definition.id, file]));

/** The files in which the cases with these ids stand. */
export function filesOfCases(ids: Iterable<string>): CaseFile[] {
  return [...new Set([...ids].flatMap((id) => fileById.get(id) ?? []))];
}
