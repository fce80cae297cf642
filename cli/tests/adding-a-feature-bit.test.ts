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
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Target } from '../../drivers/target.ts';
import { readTargetFile } from '../../drivers/target-file.ts';
import { caseRooms } from '../new/case-rooms.ts';
import { referenceServer } from './bundled-programs.ts';
import { eventsOf } from './command-line.ts';
import { isNightly } from './nightly.ts';
import { endOf } from './refusal.ts';
import { sharedRun } from './shared-run.ts';

/**
 * docs/ADDING-A-FEATURE-BIT.md, followed in a copy of the tree: each command ends with 0, each change fits. By day up to
 * the first build, on which all behind it hangs.
 */

const root = fileURLToPath(new URL('../../../', import.meta.url));
const guide = readFileSync(join(root, 'docs/ADDING-A-FEATURE-BIT.md'), 'utf8');

interface Block {
  readonly kind: string;
  readonly text: string;
}

const blocks: readonly Block[] = [...guide.matchAll(/^```(console|diff)\n(.*?)^```$/gms)].map(
  ([, kind = '', text = '']) => ({ kind, text }),
);
const firstBuild = blocks.findIndex(({ text }) => text.startsWith('$ npm run build'));

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

/** A case in each room, for a rule and a fault that are there already, and not those of the guide: its fault run passes. */
const casesToBegin = {
  'virtio/block/not-yet-written': '--requirement blk/get-id-returns-string --fault block-id-empty',
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
  t.ok(firstBuild >= 4, 'of which some come ahead of the first build');
  const unwritten = Object.entries(casesToBegin);
  for (const { kind, text } of isNightly ? blocks : blocks.slice(0, firstBuild)) {
    if (kind === 'diff') {
      t.doesNotThrow(() => applyDiff(tree, text), text.split('\n')[1] ?? '');
      continue;
    }
    for (const command of text.split('\n').filter((line) => line.startsWith('$ '))) {
      const { code, output } = shell(tree, command.slice(2));
      t.equal(code, 0, code === 0 ? command : `${command}\n${output.slice(-2000)}`);
      if (!command.includes(' new case ')) continue;
      const again = shell(tree, command.slice(2));
      t.same([again.code, /is not overwritten/.test(again.output)], [2, true], 'a file that exists is not overwritten');
      // They compile and are well-formed by the commands that the guide goes on with.
      for (const [id, proves] of unwritten)
        t.equal(shell(tree, `vhost-conformance new case ${id} ${proves}`).code, 0, id);
    }
  }
  if (!isNightly) return;
  t.match(readFileSync(join(tree, 'id-spaces/report.html'), 'utf8'), 'VIRTIO_BLK_F_ID_SPACES');
  for (const command of ['npm run build', 'npm run lint']) {
    t.ok(guide.lastIndexOf(`$ ${command}`) > guide.indexOf(' new case '), `${command} is behind the last case`);
  }

  const triedOn = (id: string): string => caseRooms[id.split('/')[0] ?? '']?.triedOn ?? '';
  const targets = [...new Set(unwritten.map(([id]) => triedOn(id)))];
  const words = unwritten.map(([id]) => `--case ${id}`).join(' ');
  const ran = shell(
    tree,
    `vhost-conformance run ${targets.join(' ')} ${words} --text newest --reporter json --out unwritten`,
  );
  t.equal(ran.code, 1, 'they fail until their run is written');
  const results = eventsOf(join(tree, 'unwritten')).filter(({ event }) => event === 'case');
  for (const [id] of unwritten) {
    const ofCase = results.filter(({ caseId, target }) => caseId === id && target === triedOn(id));
    t.match(ofCase.map((result) => JSON.stringify(result)).join('\n'), 'fill in: what the rule says of it', id);
  }
});

t.test('new refuses what is wrong, and changes nothing', async (t) => {
  // Not below the tree: a clone is looked for upwards.
  const directory = mkdtempSync(join(tmpdir(), 'vhost-conformance-new-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'mine.json'), '{}');
  const refused = async (cwd: string, words: readonly string[], line: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await endOf(t, ['new', ...words], { cwd });
    t.same([code, stdout], [2, ''], words.join(' '));
    t.match(stderr, line);
  };
  const bit = ['feature', 'VIRTIO_BLK_F_NEW', '--device', 'blk', '--text', 'New.'];
  await refused(directory, [...bit, '--bit', '21'], /run it in a clone/);
  await refused(root, [...bit, '--bit', '13'], /--bit 13: is that of VIRTIO_BLK_F_DISCARD/);
  await refused(root, ['feature', 'VIRTIO_BLK_F_DISCARD', '--bit', '21'], /is a feature already/);
  await refused(root, ['requirement', 'blk/read-returns-written-data'], /is a requirement already/);
  await refused(root, ['requirement', 'nowhere/is-no-area'], /no area has rules that begin with nowhere\//);
  await refused(
    root,
    ['case', 'nowhere/x/y-z'],
    /a room of suites\/ \(virtio, vhost-user, vhost-mdev, vhost-kernel, vhost-net, vhost-vdpa, virtio-pci\)/,
  );
  const repeatable = ['--requirement', 'vu-features/get-features-repeatable'];
  await refused(root, ['case', 'vhost-user/x/y-z', ...repeatable], /wants --fault/);
  await refused(
    root,
    ['case', 'vhost-user/x/y-z', ...repeatable, '--fault', 'mdev-offer-shrinks'],
    /breaks vm-channel\/features-are-the-same-again, and not/,
  );
  await refused(
    root,
    ['case', 'vhost-vdpa/x/y-z', ...repeatable, '--fault', 'get-features-drops-a-bit-later'],
    /a fault of transport vhost-user, which a case of vhost-vdpa cannot see/,
  );
  await refused(root, ['case', 'virtio/block/x-y', '--requirement', 'blk/no-such'], /wants --requirement/);
  await refused(
    directory,
    ['target', 'mine', '--device', 'block', '--exec', './mine {socket}'],
    /mine\.json: exists already/,
  );
  await refused(
    directory,
    ['target', 'other', '--device', 'block', '--exec', './mine'],
    /write \{socket\} where its path belongs/,
  );
  await refused(directory, ['target', 'other'], /one of --exec/);
  await refused(directory, ['target', 'other', '--exec', './mine {socket}', '--like', 'reference'], /one of --exec/);
  await refused(directory, ['target', 'other', '--at', 'tcp:host'], /is none of vhost-user:PATH/);
  await refused(directory, ['target', 'other', '--at', 'vhost-vdpa:', '--device', 'net'], /say vhost-vdpa:FILE/);
  await refused(
    directory,
    ['target', 'other', '--at', 'vhost-vdpa:/dev/vhost-vdpa-0'],
    /wants --device, one of block, net/,
  );
  await refused(directory, ['target', 'other', '--at', 'mdev:1', '--device', 'net'], /mdev:1: /);
  await refused(directory, ['target', 'other', '--like', 'no-such'], /--like no-such: no such target/);
  t.same(readdirSync(directory), ['mine.json']);
});

const getId = ['--case', 'virtio/block/get-id-returns-string', '--layout', 'split', '--negotiation', 'minimal'];
const likes = isNightly ? ['reference', 'vhost-mdev-l2', 'reference-vdpa-blk', 'reference-pci'] : ['reference-pci'];

t.test('a target that was begun can be run', async (t) => {
  // The path of a socket has 107 bytes at most.
  const directory = mkdtempSync(join(tmpdir(), 'vhost-conformance-new-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const passes = async (name: string, ...words: string[]): Promise<void> => {
    const made = await sharedRun(['new', 'target', name, ...words], { cwd: directory });
    t.equal(made.code, 0, made.stderr);
    const judging = ['run', '--target-file', `${name}.json`, ...getId, '--reporter', 'json', '--out', name];
    const ran = await sharedRun(judging, { cwd: directory });
    t.equal(ran.code, 0, ran.code === 0 ? name : `${name}: ${ran.stdout}${ran.stderr}`);
    t.match(ran.stdout, /1 pass/, name);
  };
  await passes(
    'started',
    '--device',
    'block',
    '--exec',
    `${process.execPath} ${referenceServer} --socket {socket} --device block`,
  );
  for (const like of likes) await passes(`as-${like}`, '--like', like);

  const socket = join(directory, 'served.sock');
  const served = spawn(process.execPath, [referenceServer, '--socket', socket, '--device', 'block'], {
    stdio: 'ignore',
  });
  t.teardown(() => served.kill('SIGKILL'));
  while (!existsSync(socket) && served.exitCode === null) await setTimeout(20);
  await passes('served', '--at', `vhost-user:${socket}?device=block`);
});

t.test('a target that is not on this machine can be begun', async (t) => {
  const directory = t.testdir();
  const begun = async (name: string, ...words: string[]): Promise<Target> => {
    const made = await sharedRun(['new', 'target', name, ...words], { cwd: directory });
    t.equal(made.code, 0, made.stderr);
    return readTargetFile(join(directory, `${name}.json`));
  };
  const uuid = '76686d64-0000-4000-8000-000000000001';
  const mdev = await begun('mdev', '--at', `mdev:${uuid}`, '--device', 'block');
  t.match(mdev, { facts: { transport: 'vhost-mdev', device: 'block' }, reach: { via: 'mdev', uuid } });
  const vdpa = await begun('vdpa', '--at', 'vhost-vdpa:/dev/vhost-vdpa-7?device=net&returns=same-port');
  t.match(vdpa, {
    facts: { transport: 'vhost-vdpa', device: 'net', workload: { kind: 'net', returns: 'same-port' } },
    reach: { via: 'vhost-vdpa', device: '/dev/vhost-vdpa-7' },
  });
  const pci = await begun('pci', '--at', 'vfio-pci:0000:65:00.2', '--device', 'net');
  t.match(pci, { facts: { transport: 'virtio-pci' }, reach: { via: 'vfio-pci', bdf: '0000:65:00.2' } });
  const net = await begun('net', '--at', 'vhost-net:/dev/vhost-net?tap=t0');
  t.match(net, { facts: { transport: 'vhost-kernel', device: 'net' }, reach: { via: 'vhost-net', tap: 't0' } });
});
