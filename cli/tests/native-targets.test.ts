import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { nativeTargetNames } from '../../fixtures/native-targets/index.ts';
import { targetByName } from '../../fixtures/targets/index.ts';
import { emptyDirectory, run } from './command-line.ts';

t.test('each target that is built is one of the list, and starts what its build makes', (t) => {
  for (const name of nativeTargetNames) {
    const target = targetByName(name);
    t.equal(target?.versionCommand?.[0], target?.start?.command, name);
  }
  t.end();
});

t.test('without a compiler, one line says what to install', async (t) => {
  const cwd = emptyDirectory(t);
  for (const name of nativeTargetNames) {
    const ended = await run(['run', name], { cwd, environment: { PATH: cwd, XDG_CACHE_HOME: cwd } });
    t.equal(ended.code, 2);
    t.match(
      ended.stderr,
      new RegExp(`^vhost-conformance: ${name}: clang, .* missing; run: sudo apt-get install .*\n$`),
    );
  }
});

t.test('a source that cannot be fetched is told in one line, and nothing half made stays', async (t) => {
  const cwd = emptyDirectory(t);
  const tools = join(cwd, 'tools');
  mkdirSync(tools);
  // The compiler is there; apt finds no server.
  for (const tool of ['clang', 'pkg-config', 'dpkg-source']) {
    writeFileSync(join(tools, tool), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  }
  writeFileSync(join(tools, 'apt-get'), '#!/bin/sh\necho "E: no server answers" >&2\nexit 100\n', { mode: 0o755 });
  const environment = { PATH: `${tools}:${process.env['PATH']}`, XDG_CACHE_HOME: cwd };
  const ended = await run(['run', 'libvhost-user-asan'], { cwd, environment });
  t.equal(ended.code, 2);
  t.match(ended.stderr, /fetching the source of qemu from/);
  t.match(ended.stderr, /lists of packages of \S+ cannot be fetched: E: no server answers\n$/);
  const again = await run(['run', 'libvhost-user-asan'], { cwd, environment });
  t.match(again.stderr, /fetching the source of qemu from/, 'it is tried again');
});
