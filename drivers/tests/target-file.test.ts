import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { targetByName, targets } from '../../fixtures/targets/index.ts';
import { DriverUsageError } from '../errors.ts';
import { findCommand, versionIn } from '../iut-process/target-version.ts';
import { isInProcess, isKernelMdev } from '../target.ts';
import { parseTarget, readTargetFile } from '../target-file.ts';

const valid = {
  facts: {
    name: 'mine',
    transport: 'vhost-user',
    device: 'block',
    identity: 'my own',
    workload: { kind: 'block', queueIndex: 0, companions: [], sectors: 128 },
  },
  socket: 'm.sock',
};

const directory = mkdtempSync(join(tmpdir(), 'target-file-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};

const problemOf = (path: string): string => {
  try {
    readTargetFile(path);
  } catch (error) {
    if (error instanceof DriverUsageError) return error.message;
    throw error;
  }
  return '';
};

t.test('the targets that come along are valid', (t) => {
  const started = targets.filter((target) => !isInProcess(target) && !isKernelMdev(target));
  t.ok(started.length > 0);
  for (const target of started) t.same(parseTarget(structuredClone(target), target.facts.name), target);
  t.equal(targetByName('dpdk-testpmd')?.facts.device, 'net');
  t.equal(targetByName('no-such-target'), undefined);
  t.equal(new Set(targets.map(({ facts }) => facts.name)).size, targets.length, 'names are unique');
  t.end();
});

t.test('JSON and modules, with what is left out filled in', (t) => {
  const filled = { ...valid, recovery: ['reconnect'], facts: { ...valid.facts, capabilities: [], deadlineScale: 1 } };
  t.match(readTargetFile(file('a.json', JSON.stringify(valid))), filled);
  t.match(readTargetFile(file('b.mjs', `export default ${JSON.stringify(valid)};`)), filled);
  t.end();
});

t.test('one clear line for what is wrong', (t) => {
  const rejects = (path: string, wanted: RegExp): void => {
    const message = problemOf(path);
    t.ok(message.startsWith(`${path}: `), message);
    t.match(message, wanted);
    t.notMatch(message, /\n/);
  };
  rejects(join(directory, 'none.json'), /ENOENT/);
  rejects(file('c.json', '{'), /JSON/);
  rejects(file('d.json', '[]'), /object/);
  rejects(file('e.mjs', 'export const x = 1;'), /no default export/);
  rejects(file('f.mjs', 'export default ('), /./);
  rejects(file('g.yaml', ''), /neither .json nor .mjs/);
  rejects(file('h.json', JSON.stringify({ ...valid, sockets: 'x' })), /sockets/);
  rejects(file('i.json', JSON.stringify({ ...valid, socket: 7 })), /socket: .*string/);
  const net = { ...valid, facts: { ...valid.facts, device: 'net' } };
  rejects(file('j.json', JSON.stringify(net)), /facts.workload.kind: is not of the kind/);
  rejects(
    file('m.json', JSON.stringify({ ...valid, recovery: ['reconnect', 'restart'] })),
    /recovery: cannot restart: it can reconnect/,
  );
  rejects(file('n.json', JSON.stringify({ ...valid, recovery: ['power-cycle'] })), /recovery: cannot power-cycle/);
  rejects(file('o.json', JSON.stringify({ ...valid, recovery: ['pray'] })), /recovery/);
  rejects(file('p.json', JSON.stringify({ ...valid, recovery: ['reconnect', 'reconnect'] })), /names reconnect twice/);
  const start = { ...valid, start: { command: 'x', files: { '../x': 1 } } };
  rejects(file('k.json', JSON.stringify(start)), /start.files/);
  rejects(file('l.mjs', 'await new Promise((done) => setTimeout(done, 1)); export default {};'), /./);
  t.end();
});

t.test('versions and commands', (t) => {
  t.equal(versionIn(`EAL: Detected CPU lcores: 2\nEAL: RTE Version: 'DPDK 22.11.11'\n`), '22.11.11');
  t.equal(versionIn('qemu-storage-daemon version 7.2.22 (Debian 1:7.2+dfsg-7)'), '7.2.22');
  t.equal(versionIn('a program of the year 4.5'), '4.5');
  t.equal(versionIn('nothing'), undefined);
  t.type(findCommand('sh'), 'string');
  t.equal(findCommand('no-such-command'), undefined);
  t.equal(findCommand('/etc/passwd'), undefined);
  t.end();
});
