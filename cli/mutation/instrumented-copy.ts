import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InstrumentedFile } from './mutants.ts';

/** The part of a path that tells a copy from the project. */
const copies = '.cache/mutation';

/**
 * A copy of the built project with instrumented files, inside the project so that packages resolve. All but the built
 * code is linked.
 */
export class InstrumentedCopy {
  readonly root: string;

  constructor(project: string, code: readonly InstrumentedFile[]) {
    const parent = join(project, copies);
    mkdirSync(parent, { recursive: true });
    this.root = mkdtempSync(join(parent, 'run-'));
    for (const name of readdirSync(project)) {
      if (['dist', '.cache', '.git', 'node_modules'].includes(name)) continue;
      symlinkSync(join(project, name), join(this.root, name));
    }
    cpSync(join(project, 'dist'), join(this.root, 'dist'), { recursive: true });
    for (const { file, code: text } of code) writeFileSync(join(this.root, 'dist', file), text);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
