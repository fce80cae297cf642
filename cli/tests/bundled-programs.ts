import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../../', import.meta.url));

function writtenAt(path: string): number {
  return statSync(join(dist, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** What tsc records of each project that it has built. */
const records = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.tsbuildinfo'),
);
const lastBuiltAt = Math.max(...records.map(writtenAt));

/** A program as it is bundled; or its modules, where tsc built them anew and no bundle was made since. */
function program(modules: string): string {
  const bundled = join('bundled', basename(modules));
  return join(dist, writtenAt(bundled) > lastBuiltAt ? bundled : modules);
}

/** `vhost-conformance`: path of its program. */
export const main = program('cli/main.js');

/** What `main` is made of, for a process that runs several commands: paths of modules. */
export const programModule = program('cli/program.js');
export const exitCodeModule = program('cli/exit-code.js');

/** The reference as a vhost-user back-end: path of its program. */
export const referenceServer = program('drivers/reference/serve.js');

/** The back-end that means harm: path of its program. */
export const hostileServer = program('fixtures/hostile-back-end/serve-hostile.js');
