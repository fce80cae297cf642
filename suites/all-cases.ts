import type { AnyCase } from './case.ts';
import * as caseFiles from './case-files.ts';

/** Every case of the project, by id. Ids are unique: a test looks. */
export const allCases: readonly AnyCase[] = Object.values<Readonly<Record<string, AnyCase>>>(caseFiles)
  .flatMap((cases) => Object.values(cases))
  .sort((a, b) => (a.id < b.id ? -1 : 1));
