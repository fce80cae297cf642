import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { targetByName, targets } from '../../fixtures/targets/index.ts';
import { DriverUsageError } from '../errors.ts';
import { findCommand, versionIn } from '../iut-process/target-version.ts';
import { loadTargetFile, parseTarget } from '../target-file.ts';

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

t.test('the targets that come along are valid', (t) => {
  for (const target of targets) t.same(parseTarget(structuredClone(target), target.facts.name), target);
  t.equal(targetByName('dpdk-testpmd')?.facts.device, 'net');
  t.equal(targetByName('no-such-target'), undefined);
  t.equal(new Set(targets.map(({ facts }) => facts.name)).size, targets.length, 'names are unique');
  t.end();
});

t.test('JSON and modules, with what is left out filled in', async (t) => {
  const filled = { ...valid, recovery: ['reconnect'], facts: { ...valid.facts, capabilities: [], deadlineScale: 1 } };
  t.match(await loadTargetFile(file('a.json', JSON.stringify(valid))), filled);
  t.match(await loadTargetFile(file('b.mjs', `export default ${JSON.stringify(valid)};`)), filled);
});

t.test('one clear line for what is wrong', async (t) => {
  const rejects = async (path: string, wanted: RegExp): Promise<void> => {
    const error: unknown = await loadTargetFile(path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    t.ok(error instanceof DriverUsageError);
    const { message } = error as DriverUsageError;
    t.ok(message.startsWith(`${path}: `), message);
    t.match(message, wanted);
    t.notMatch(message, /\n/);
  };
  await rejects(join(directory, 'none.json'), /ENOENT/);
  await rejects(file('c.json', '{'), /JSON/);
  await rejects(file('d.json', '[]'), /object/);
  await rejects(file('e.mjs', 'export const x = 1;'), /no default export/);
  await rejects(file('f.mjs', 'export default ('), /./);
  await rejects(file('g.yaml', ''), /neither .json nor .mjs/);
  await rejects(file('h.json', JSON.stringify({ ...valid, sockets: 'x' })), /sockets/);
  await rejects(file('i.json', JSON.stringify({ ...valid, socket: 7 })), /socket: .*string/);
  const net = { ...valid, facts: { ...valid.facts, device: 'net' } };
  await rejects(file('j.json', JSON.stringify(net)), /facts.workload.kind: is not of the kind/);
  const start = { ...valid, start: { command: 'x', files: { '../x': 1 } } };
  await rejects(file('k.json', JSON.stringify(start)), /start.files/);
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
