import type { AnyCase } from './case.ts';
import { caseFiles } from './case-files.ts';

/** A file of cases, by its path below this folder without `.cases.ts`. */
export type CaseFile = keyof typeof caseFiles;

/** A case and the file that it stands in. */
export interface FiledCase {
  readonly file: CaseFile;
  readonly definition: AnyCase;
}

export const caseFileNames = Object.keys(caseFiles) as readonly CaseFile[];

/** The cases of these files. One file after another: an import of all of them would take a descriptor for each at once. */
export async function casesOfFiles(files: readonly CaseFile[]): Promise<FiledCase[]> {
  const filed: FiledCase[] = [];
  for (const file of files) {
    const load: () => Promise<Readonly<Record<string, AnyCase>>> = caseFiles[file];
    for (const definition of Object.values(await load())) filed.push({ file, definition });
  }
  return filed;
}
