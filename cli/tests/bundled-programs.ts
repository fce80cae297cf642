import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
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

/** The program as it is shipped; or its modules, where tsc built them anew and no bundle was made since. */
function program(bundled: string, modules: string): string {
  return join(dist, writtenAt(bundled) > lastBuiltAt ? bundled : modules);
}

/** `vhost-conformance`: path of its program. */
export const main = program('bundled/main.js', 'cli/main.js');

/** What `main` is made of, for a process that runs several commands: paths of modules. */
export const [programModule, exitCodeModule] = [
  program('bundled/program.js', 'cli/program.js'),
  program('bundled/exit-code.js', 'cli/exit-code.js'),
];

/** The reference as a vhost-user back-end: path of its program. */
export const referenceServer = program('bundled/serve.js', 'drivers/reference/serve.js');

/** The back-end that means harm: path of its program. */
export const hostileServer = program('bundled/serve-hostile.js', 'fixtures/hostile-back-end/serve-hostile.js');
