import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Target } from '../../drivers/target.ts';
import { readTargetFile } from '../../drivers/target-file.ts';
import { caseRooms } from '../new/case-rooms.ts';
import { eventsOf } from './command-line.ts';

/** docs/ADDING-A-FEATURE-BIT.md, followed in a copy of the tree: each command ends with 0, each change fits. */

const root = fileURLToPath(new URL('../../../', import.meta.url));
const guide = readFileSync(join(root, 'docs/ADDING-A-FEATURE-BIT.md'), 'utf8');

interface Block {
  readonly kind: string;
  readonly text: string;
}

const blocks: readonly Block[] = [...guide.matchAll(/^```(console|diff)\n(.*?)^```$/gms)].map(
  ([, kind = '', text = '']) => ({ kind, text }),
);

/** A copy with what is built, so that only what changes is built again. */
function copyOfTree(to: string): void {
  const left = ['.git', 'node_modules', 'out', 'test-results', 'playwright-report', '.tap'];
  for (const name of readdirSync(root)) {
    if (!left.includes(name)) cpSync(join(root, name), join(to, name), { recursive: true, preserveTimestamps: true });
  }
  symlinkSync(join(root, 'node_modules'), join(to, 'node_modules'));
}

/** Lines of a hunk stand in the file once, wherever they moved; those with + take the place of those with -. */
function changed(text: string, hunk: string): string {
  const lines = hunk.split('\n').filter((line) => line !== '');
  const side = (dropped: string) =>
    `\n${lines
      .filter((line) => line[0] !== dropped)
      .map((line) => line.slice(1))
      .join('\n')}\n`;
  const [before, after] = [side('+'), side('-')];
  const parts = `\n${text}`.split(before);
  if (parts.length !== 2) throw new Error(`stands ${parts.length - 1} times:${before}`);
  return parts.join(after).slice(1);
}

function applyDiff(tree: string, diff: string): void {
  const [head = '', ...hunks] = diff.split(/^@@\n/m);
  const path = join(tree, /^\+\+\+ b\/(.+)$/m.exec(head)?.[1] ?? '');
  writeFileSync(path, hunks.reduce(changed, readFileSync(path, 'utf8')));
}

function shell(tree: string, command: string): { readonly code: number | null; readonly output: string } {
  // Without what the test runner gives to every child in order to follow it: the compiler does not start with that.
  const words = `unset NODE_OPTIONS\nvhost-conformance() { node dist/cli/main.js "$@"; }\n${command}`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', words], { cwd: tree, encoding: 'utf8' });
  return { code: status, output: `${stdout}${stderr}` };
}

/** A case in each room, for a rule and a fault that are there already. */
const casesToBegin = {
  'virtio/block/not-yet-written': '--requirement blk/id-filled-with-spaces --fault block-id-spaces-ignored',
  'virtio/packed-ring/not-yet-written':
    '--requirement packed/used-id-is-buffer-id --fault packed-used-id-from-first-descriptor',
  'vhost-user/features/not-yet-written':
    '--requirement vu-features/get-features-repeatable --fault get-features-drops-a-bit-later',
  'vhost-mdev/features/not-yet-written':
    '--requirement vm-channel/features-are-the-same-again --fault mdev-offer-shrinks',
  'vhost-kernel/features/not-yet-written':
    '--requirement vk-features/unoffered-backend-features-refused --fault vdpa-any-backend-features-are-taken',
  'vhost-net/features/not-yet-written':
    '--requirement vk-features/unoffered-features-refused --fault vhost-net-any-features-are-taken',
  'vhost-vdpa/features/not-yet-written':
    '--requirement vk-features/features-fixed-after-features-ok --fault vdpa-features-change-behind-features-ok',
  'virtio-pci/capabilities/not-yet-written':
    '--requirement pci/common-config-exists --fault pci-common-structure-leaves',
};

t.test('the guide adds a bit that did not exist', async (t) => {
  const tree = t.testdir();
  copyOfTree(tree);
  t.ok(blocks.length >= 8, 'the guide has commands and changes');
  for (const { kind, text } of blocks) {
    if (kind === 'diff') {
      t.doesNotThrow(() => applyDiff(tree, text), text.split('\n')[1] ?? '');
      continue;
    }
    for (const command of text.split('\n').filter((line) => line.startsWith('$ '))) {
      const { code, output } = shell(tree, command.slice(2));
      t.equal(code, 0, code === 0 ? command : `${command}\n${output.slice(-2000)}`);
    }
  }
  t.match(readFileSync(join(tree, 'id-spaces/report.html'), 'utf8'), 'VIRTIO_BLK_F_ID_SPACES');

  const command = blocks.flatMap(({ text }) => text.split('\n')).find((line) => / new case /.test(line)) ?? '';
  const again = shell(tree, command.slice(2));
  t.same([again.code, /is not overwritten/.test(again.output)], [2, true], 'a file that exists is not overwritten');
  const unwritten = Object.entries(casesToBegin);
  for (const [id, proves] of unwritten) t.equal(shell(tree, `vhost-conformance new case ${id} ${proves}`).code, 0, id);
  const files = [...new Set(unwritten.map(([id]) => id.split('/')[0]))].map((room) => `suites/${room}`);
  const built = shell(tree, `npm run build && npx biome check ${files.join(' ')}`);
  t.equal(built.code, 0, built.code === 0 ? 'compile and are well-formed' : built.output);
  const triedOn = (id: string): string => caseRooms[id.split('/')[0] ?? '']?.triedOn ?? '';
  for (const target of new Set(unwritten.map(([id]) => triedOn(id)))) {
    const ids = unwritten.map(([id]) => id).filter((id) => triedOn(id) === target);
    const words = ids.map((id) => `--case ${id}`).join(' ');
    const run = shell(tree, `vhost-conformance run ${target} ${words} --text newest --out unwritten/${target}`);
    t.equal(run.code, 1, `${ids.join(', ')}: fail until their run is written`);
    const results = eventsOf(join(tree, 'unwritten', target)).filter(({ event }) => event === 'case');
    for (const id of ids) {
      const ofCase = results.filter(({ caseId }) => caseId === id).map((result) => JSON.stringify(result));
      t.match(ofCase.join('\n'), 'fill in: what the rule says of it', id);
    }
  }
});

/** The program, run to its end without what the test runner gives to every child in order to follow it. */
const program = (cwd: string, words: readonly string[]) =>
  spawnSync('/usr/bin/env', ['-u', 'NODE_OPTIONS', process.execPath, main, ...words], { cwd, encoding: 'utf8' });

t.test('new refuses what is wrong, and changes nothing', async (t) => {
  // Not below the tree: a clone is looked for upwards.
  const directory = mkdtempSync(join(tmpdir(), 'vhost-conformance-new-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'mine.json'), '{}');
  const refused = (cwd: string, words: readonly string[], line: RegExp): void => {
    const { status, stdout, stderr } = program(cwd, ['new', ...words]);
    t.same([status, stdout], [2, ''], words.join(' '));
    t.match(stderr, line);
  };
  const bit = ['feature', 'VIRTIO_BLK_F_NEW', '--device', 'blk', '--text', 'New.'];
  refused(directory, [...bit, '--bit', '21'], /run it in a clone/);
  refused(root, [...bit, '--bit', '13'], /--bit 13: is that of VIRTIO_BLK_F_DISCARD/);
  refused(root, ['feature', 'VIRTIO_BLK_F_DISCARD', '--bit', '21'], /is a feature already/);
  refused(root, ['requirement', 'blk/read-returns-written-data'], /is a requirement already/);
  refused(root, ['requirement', 'nowhere/is-no-area'], /no area has rules that begin with nowhere\//);
  refused(
    root,
    ['case', 'nowhere/x/y-z'],
    /a room of suites\/ \(virtio, vhost-user, vhost-mdev, vhost-kernel, vhost-net, vhost-vdpa, virtio-pci\)/,
  );
  const repeatable = ['--requirement', 'vu-features/get-features-repeatable'];
  refused(root, ['case', 'vhost-user/x/y-z', ...repeatable], /wants --fault/);
  refused(
    root,
    ['case', 'vhost-user/x/y-z', ...repeatable, '--fault', 'mdev-offer-shrinks'],
    /breaks vm-channel\/features-are-the-same-again, and not/,
  );
  refused(
    root,
    ['case', 'vhost-vdpa/x/y-z', ...repeatable, '--fault', 'get-features-drops-a-bit-later'],
    /a fault of transport vhost-user, which a case of vhost-vdpa cannot see/,
  );
  refused(root, ['case', 'virtio/block/x-y', '--requirement', 'blk/no-such'], /wants --requirement/);
  refused(
    directory,
    ['target', 'mine', '--device', 'block', '--exec', './mine {socket}'],
    /mine\.json: exists already/,
  );
  refused(
    directory,
    ['target', 'other', '--device', 'block', '--exec', './mine'],
    /write \{socket\} where its path belongs/,
  );
  refused(directory, ['target', 'other'], /one of --exec/);
  refused(directory, ['target', 'other', '--exec', './mine {socket}', '--like', 'reference'], /one of --exec/);
  refused(directory, ['target', 'other', '--at', 'tcp:host'], /is none of vhost-user:PATH/);
  refused(directory, ['target', 'other', '--at', 'vhost-vdpa:', '--device', 'net'], /say vhost-vdpa:FILE/);
  refused(directory, ['target', 'other', '--at', 'vhost-vdpa:/dev/vhost-vdpa-0'], /wants --device, one of block, net/);
  refused(directory, ['target', 'other', '--at', 'mdev:1', '--device', 'net'], /mdev:1: /);
  refused(directory, ['target', 'other', '--like', 'no-such'], /--like no-such: no such target/);
  t.same(readdirSync(directory), ['mine.json']);
});

const main = fileURLToPath(new URL('../main.js', import.meta.url));
const serve = join(dirname(main), '../drivers/reference/serve.js');
const getId = ['--case', 'virtio/block/get-id-returns-string', '--layout', 'split', '--negotiation', 'minimal'];

t.test('a target that was begun can be run', async (t) => {
  // The path of a socket has 107 bytes at most.
  const directory = mkdtempSync(join(tmpdir(), 'vhost-conformance-new-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const run = (...words: string[]) => program(directory, words);
  const passes = (name: string, ...words: string[]): void => {
    const made = run('new', 'target', name, ...words);
    t.equal(made.status, 0, made.stderr);
    const ran = run('run', '--target-file', `${name}.json`, ...getId, '--out', name);
    t.equal(ran.status, 0, ran.status === 0 ? name : `${name}: ${ran.stdout}${ran.stderr}`);
    t.match(ran.stdout, /1 pass/, name);
  };
  passes('started', '--device', 'block', '--exec', `${process.execPath} ${serve} --socket {socket} --device block`);
  for (const like of ['reference', 'vhost-mdev-l2', 'reference-vdpa-blk', 'reference-pci'])
    passes(`as-${like}`, '--like', like);

  const socket = join(directory, 'served.sock');
  const served = spawn(process.execPath, [serve, '--socket', socket, '--device', 'block'], { stdio: 'ignore' });
  t.teardown(() => served.kill('SIGKILL'));
  while (!existsSync(socket) && served.exitCode === null) await setTimeout(20);
  passes('served', '--at', `vhost-user:${socket}?device=block`);
});

t.test('a target that is not on this machine can be begun', async (t) => {
  const directory = t.testdir();
  const begun = (name: string, ...words: string[]): Target => {
    const made = program(directory, ['new', 'target', name, ...words]);
    t.equal(made.status, 0, made.stderr);
    return readTargetFile(join(directory, `${name}.json`));
  };
  const uuid = '76686d64-0000-4000-8000-000000000001';
  const mdev = begun('mdev', '--at', `mdev:${uuid}`, '--device', 'block');
  t.match(mdev, { facts: { transport: 'vhost-mdev', device: 'block' }, reach: { via: 'mdev', uuid } });
  const vdpa = begun('vdpa', '--at', 'vhost-vdpa:/dev/vhost-vdpa-7?device=net&returns=same-port');
  t.match(vdpa, {
    facts: { transport: 'vhost-vdpa', device: 'net', workload: { kind: 'net', returns: 'same-port' } },
    reach: { via: 'vhost-vdpa', device: '/dev/vhost-vdpa-7' },
  });
  const pci = begun('pci', '--at', 'vfio-pci:0000:65:00.2', '--device', 'net');
  t.match(pci, { facts: { transport: 'virtio-pci' }, reach: { via: 'vfio-pci', bdf: '0000:65:00.2' } });
  const net = begun('net', '--at', 'vhost-net:/dev/vhost-net?tap=t0');
  t.match(net, { facts: { transport: 'vhost-kernel', device: 'net' }, reach: { via: 'vhost-net', tap: 't0' } });
});
