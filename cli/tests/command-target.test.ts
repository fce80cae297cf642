import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import t from 'tap';
import { commandTarget } from '../command-target.ts';
import { UsageError } from '../usage-error.ts';

const options = { device: 'net', execEnv: [], execFile: [] } as const;

t.test('a command runs where it was typed, and is named for its program', async (t) => {
  const { target, words } = commandTarget("./build/back-end --path={socket} 'a b'", options);
  t.match(target, {
    facts: { name: 'back-end', device: 'net', transport: 'vhost-user' },
    reach: { via: 'unix-socket' },
    start: {
      command: resolve('build/back-end'),
      arguments: ['--path={socket}', 'a b'],
      workingDirectory: process.cwd(),
    },
  });
  t.same(words, ['--exec', "./build/back-end --path={socket} 'a b'", '--device', 'net']);
  const loaded = commandTarget('/lib64/ld-linux-x86-64.so.2 --library-path lib ./build/back-end {socket}', options);
  t.equal(loaded.target.facts.name, 'back-end', 'not for the dynamic loader');
  const nameOf = (line: string): string => commandTarget(`${line} {socket}`, options).target.facts.name;
  t.equal(nameOf('node --enable-source-maps -r x dist/serve.js'), 'serve.js', 'nor for an interpreter');
  t.equal(nameOf('/usr/bin/python3.11 serve.py'), 'serve.py');
  t.equal(nameOf('/lib/ld-linux-x86-64.so.2 --library-path lib /usr/bin/node serve.js'), 'serve.js');
  t.equal(nameOf("node -e 'listen()'"), 'node', 'a program without a name');
});

t.test('its directory, environment and files, and the words that ask for them again', async (t) => {
  const { target, words } = commandTarget('x {socket}', {
    ...options,
    execDirectory: 'there',
    execEnv: ['LOG=a=b', 'EMPTY='],
    execFile: ['disk.img=4096'],
  });
  t.match(target.start, {
    workingDirectory: resolve('there'),
    environment: { LOG: 'a=b', EMPTY: '' },
    files: { 'disk.img': 4096 },
  });
  t.same(words.slice(4), [
    ...['--exec-directory', resolve('there'), '--exec-env', 'LOG=a=b', '--exec-env', 'EMPTY='],
    ...['--exec-file', 'disk.img=4096'],
  ]);
});

t.test('one line for what is wrong', async () => {
  const refuses = (line: string, more: object, why: RegExp) =>
    assert.throws(
      () => commandTarget(line, { ...options, ...more }),
      (error) => error instanceof UsageError && why.test(error.message),
    );
  refuses('', {}, /a command is missing/);
  refuses('x', {}, /write \{socket\}/);
  refuses('x {socket}', { execEnv: ['=1'] }, /--exec-env: =1 is not NAME=VALUE/);
  refuses('x {socket}', { execFile: ['disk.img'] }, /--exec-file: disk.img is not NAME=VALUE/);
  refuses('x {socket}', { execFile: ['../disk.img=1'] }, /is not the name of a file within/);
  refuses('x {socket}', { execFile: ['disk.img=1k'] }, /1k is not a number of bytes/);
});
