import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { backEnds } from '../../fixtures/back-ends/index.ts';
import { referenceServer } from './bundled-programs.ts';
import { emptyDirectory, eventsOf, livingProcesses, until } from './command-line.ts';

const program = fileURLToPath(new URL('../back-ends/main.js', import.meta.url));

/** In place of what Debian has: its loader serves the reference where the socket of the back-end would be. */
const loader = `#!/bin/bash
for word in "$@"; do [[ $word == *addr.path=* ]] && socket=\${word##*addr.path=}; done
[ -n "$socket" ] || exit 1
exec ${process.execPath} ${referenceServer} --socket "$socket" --device block
`;

/** A cache that has a back-end unpacked already. */
function cacheWith(name: string, directory: string): string {
  const backEnd = backEnds.find((one) => one.name === name);
  if (backEnd === undefined) throw new Error(`${name}: no such back-end`);
  const suite = join(directory, backEnd.suite);
  mkdirSync(join(suite, 'root/lib64'), { recursive: true });
  writeFileSync(join(suite, 'unpacked.json'), JSON.stringify(backEnd.packages));
  const path = join(suite, 'root/lib64/ld-linux-x86-64.so.2');
  writeFileSync(path, loader);
  chmodSync(path, 0o755);
  return directory;
}

t.test('a signal to the command alone ends its run as well', async (t) => {
  const cwd = emptyDirectory(t);
  const name = 'qemu-storage-daemon-7.2';
  const out = join(cwd, 'out');
  // Far more results than are waited for: it is in the middle of them, however slow the machine is.
  const words = [name, '--cache', cacheWith(name, join(cwd, 'cache')), '--out', out, '--case', 'vhost-user'];
  const child = spawn(process.execPath, [program, ...words], { cwd, stdio: 'ignore' });
  t.teardown(() => child.kill('SIGKILL'));
  const first = join(out, name, '1');
  await until(() => eventsOf(first).some(({ event }) => event === 'case'), 'the first result');
  t.not(livingProcesses(join(cwd, 'cache')).length, 0, 'a run is under way');
  const ended = once(child, 'close');
  child.kill('SIGINT');
  t.same(await ended, [130, null]);
  await until(() => livingProcesses(cwd).length === 0, 'no process is left');
  t.match(eventsOf(first).at(-1), { event: 'end', reason: 'interrupted' });
  t.notOk(existsSync(join(out, name, '2')), 'and no other begins');
});
