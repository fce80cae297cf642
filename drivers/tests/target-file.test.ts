import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { targetByName, targets } from '../../fixtures/targets/index.ts';
import { DriverUsageError } from '../errors.ts';
import { findCommand, versionIn } from '../iut-process/target-version.ts';
import { openerOf } from '../open-target.ts';
import { capabilities } from '../port/capabilities.ts';
import type { Target } from '../target.ts';
import { parseTarget, readTargetFile } from '../target-file.ts';
import { whyNotOpened } from '../why-not-opened.ts';

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
  for (const target of targets) t.same(parseTarget(structuredClone(target), target.facts.name), target);
  t.equal(targetByName('dpdk-testpmd')?.facts.device, 'net');
  t.equal(targetByName('no-such-target'), undefined);
  t.equal(new Set(targets.map(({ facts }) => facts.name)).size, targets.length, 'names are unique');
  t.end();
});

t.test('JSON and modules, with what is left out filled in', (t) => {
  const { socket, ...rest } = valid;
  const reach = { via: 'unix-socket', socket };
  const filled = {
    ...rest,
    reach,
    recovery: ['reconnect'],
    facts: { ...valid.facts, capabilities: [], deadlineScale: 1 },
  };
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
  rejects(file('i.json', JSON.stringify({ ...valid, socket: 7 })), /socket: is a number, not text/);
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
  const above = { ...valid, start: { command: 'x', files: { '..': 5 } } };
  rejects(file('m.json', JSON.stringify(above)), /start.files: "\.\." is not the plain path of something within/);
  for (const socket of ['../x.sock', '/tmp/x.sock', 'a/../../x.sock']) {
    const elsewhere = { ...valid, socket, start: { command: 'x' } };
    rejects(file('n.json', JSON.stringify(elsewhere)), /socket: is (an absolute path|not the plain path)/);
  }
  rejects(file('l.mjs', 'await new Promise((done) => setTimeout(done, 1)); export default {};'), /./);
  t.end();
});

const withFacts = (more: object) => ({ ...valid, facts: { ...valid.facts, ...more } });
const problemWith = (value: unknown): string => {
  try {
    parseTarget(value, 'mine');
  } catch (error) {
    if (error instanceof DriverUsageError) return error.message;
    throw error;
  }
  return '';
};

t.test('a target that is like another says what differs', (t) => {
  const base = { ...targets[0], start: { ...targets[0]?.start, environment: { A: '1', B: '2' } } } as Target;
  const named = (name: string): Target | undefined => (name === 'base' ? base : undefined);
  const start = { environment: { B: '3', C: '4' }, readyWithinMs: 1 };
  const path = file('mine.json', JSON.stringify({ like: 'base', facts: { deadlineScale: 3 }, start }));
  const { name: _, identity: __, ...facts } = base.facts;
  t.same(readTargetFile(path, named), {
    ...base,
    facts: { ...facts, name: 'mine', identity: 'mine, as base', deadlineScale: 3 },
    start: { ...base.start, readyWithinMs: 1, environment: { A: '1', B: '3', C: '4' } },
  });
  t.equal(
    readTargetFile(file('n.json', '{ "like": "base", "facts": { "name": "other" } }'), named).facts.name,
    'other',
  );
  t.throws(() => readTargetFile(file('o.json', '{ "like": "none" }'), named), /like: no target is called none/);
  t.throws(() => readTargetFile(file('p.json', '{ "like": 7 }'), named), DriverUsageError);
  t.throws(() => readTargetFile(file('q.json', '{ "like": "base", "start": { "commandd": "" } }'), named), /start/);
  t.end();
});

t.test('how a target is reached', (t) => {
  const { socket: _, ...unreached } = valid;
  const by = (reach: object, transport: string) => ({ ...unreached, facts: { ...valid.facts, transport }, reach });
  const uuid = '76686d64-0000-4000-8000-000000000001';
  for (const [reach, transport] of [
    [{ via: 'unix-socket', socket: 'x.sock' }, 'vhost-user'],
    [{ via: 'in-process', mdev: 'l1' }, 'vhost-mdev'],
    [{ via: 'mdev', uuid }, 'vhost-mdev'],
    [{ via: 'mdev', created: { module: 'm', type: 't', parameters: {} } }, 'vhost-mdev'],
    [{ via: 'vhost-vdpa', device: '/dev/vhost-vdpa-0' }, 'vhost-vdpa'],
    [{ via: 'vhost-net', device: '/dev/vhost-net', tap: 'tap0' }, 'vhost-kernel'],
    [{ via: 'vfio-pci', bdf: '0000:00:04.0' }, 'virtio-pci'],
    [{ via: 'vfio-pci', bdf: '0000:00:04.0', isBoundByUs: true }, 'virtio-pci'],
    [{ via: 'vfio-user', socket: 'x.sock' }, 'vhost-mdev'],
  ] as const) {
    t.same(parseTarget(by(reach, transport), 'mine').reach, reach);
  }
  t.match(problemWith(unreached), /^mine: reach: is missing/);
  t.match(problemWith({ ...valid, reach: { via: 'unix-socket', socket: 'x' } }), /socket: stands beside reach/);
  t.equal(
    problemWith(withFacts({ transport: 'virtio-pci' })),
    'mine: socket: unix-socket reaches vhost-user, and not virtio-pci',
  );
  t.equal(
    problemWith(by({ via: 'vhost-net', device: '/dev/vhost-net', tap: 'tap0' }, 'vhost-vdpa')),
    'mine: reach: vhost-net reaches vhost-kernel, and not vhost-vdpa',
  );
  t.match(problemWith(by({ via: 'vhost-net', device: '/dev/vhost-net' }, 'vhost-kernel')), /reach.tap/);
  t.match(problemWith(by({ via: 'mdev', uuid: 'x' }, 'vhost-mdev')), /reach.uuid/);
  t.match(problemWith(by({ via: 'carrier-pigeon' }, 'vhost-user')), /reach.via/);
  const started = { ...by({ via: 'mdev', uuid }, 'vhost-mdev'), start: { command: 'x' } };
  t.match(problemWith(started), /start: nothing that is reached by mdev is started by a command/);
  t.end();
});

t.test('what is described and has no driver is refused in one line', async (t) => {
  for (const [reach, transport] of [[{ via: 'vfio-user', socket: 'x.sock' }, 'virtio-pci']] as const) {
    const { socket: _, ...unreached } = withFacts({ transport });
    const target = parseTarget({ ...unreached, reach }, 'mine');
    const why = whyNotOpened(target) ?? '';
    t.match(why, /^this version has no driver for [^\n]*$/);
    await t.rejects(openerOf(target), { message: `mine: ${why}` });
  }
  t.equal(whyNotOpened(parseTarget(valid, 'mine')), undefined);
});

t.test('names that are misspelt', (t) => {
  t.equal(
    problemWith(withFacts({ capabilities: ['initial-bass'] })),
    'mine: facts.capabilities.0: no capability is called initial-bass (did you mean initial-base?)',
  );
  t.match(problemWith(withFacts({ capabilities: ['levitation'] })), /levitation \(there are initial-base, /);
  t.match(
    problemWith(withFacts({ requiredFeatures: ['VIRTIO_F_VERSION_2'] })),
    /no feature is called VIRTIO_F_VERSION_2 \(did you mean VIRTIO_F_VERSION_1/,
  );
  t.match(problemWith(withFacts({ ownedBy: { VIRTIO_NET_F_MACK: 'front-end' } })), /did you mean VIRTIO_NET_F_MAC/);
  t.end();
});

t.test('docs/TARGETS.md has each capability with its sentence, and no other', (t) => {
  const text = readFileSync(new URL('../../../docs/TARGETS.md', import.meta.url), 'utf8');
  const section = text.split('## Capabilities\n')[1]?.split('\n## ')[0] ?? '';
  const rows = [...section.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)].map(([, name, sentence]) => [name, sentence]);
  t.same(Object.fromEntries(rows), capabilities);
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
