import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

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
  const id = 'virtio/block/not-yet-written';
  t.equal(shell(tree, command.slice(2).replace(/virtio\/block\/\S+/, id)).code, 0, 'a second case, left as it is made');
  const built = shell(tree, `npm run build && npx biome check suites/${id}.cases.ts`);
  t.equal(built.code, 0, built.code === 0 ? 'compiles and is well-formed' : built.output);
  const unwritten = shell(
    tree,
    `vhost-conformance run reference --case ${id} --layout split --text newest --out unwritten`,
  );
  t.equal(unwritten.code, 1, 'and fails until its run is written');
  t.match(unwritten.output, 'fill in: what the rule says of it');
});

t.test('new refuses what is wrong, and changes nothing', async (t) => {
  // Not below the tree: a clone is looked for upwards.
  const directory = mkdtempSync(join(tmpdir(), 'vhost-conformance-new-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'mine.json'), '{}');
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  const refused = (cwd: string, words: readonly string[], line: RegExp): void => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'new', ...words], { cwd, encoding: 'utf8' });
    t.same([status, stdout], [2, ''], words.join(' '));
    t.match(stderr, line);
  };
  const bit = ['feature', 'VIRTIO_BLK_F_NEW', '--device', 'blk', '--text', 'New.'];
  refused(directory, [...bit, '--bit', '21'], /run it in a clone/);
  refused(root, [...bit, '--bit', '13'], /--bit 13: is that of VIRTIO_BLK_F_DISCARD/);
  refused(root, ['feature', 'VIRTIO_BLK_F_DISCARD', '--bit', '21'], /is a feature already/);
  refused(root, ['requirement', 'blk/read-returns-written-data'], /is a requirement already/);
  refused(root, ['requirement', 'nowhere/is-no-area'], /no area has rules that begin with nowhere\//);
  refused(root, ['case', 'vhost-user/x/y-z'], /docs\/WRITING-CASES\.md/);
  refused(root, ['case', 'virtio/block/x-y', '--requirement', 'blk/no-such'], /wants --requirement/);
  refused(
    directory,
    ['target', 'mine', '--device', 'block', '--exec', './mine {socket}'],
    /mine\.json: exists already/,
  );
  refused(directory, ['target', 'other', '--device', 'block', '--exec', './mine'], /with the place of its socket/);
  t.same(readdirSync(directory), ['mine.json']);
});

t.test('a target that was begun is one', async (t) => {
  const directory = t.testdir();
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  const run = (words: readonly string[]) =>
    spawnSync(process.execPath, [main, ...words], { cwd: directory, encoding: 'utf8' });
  const serve = join(dirname(main), '../drivers/reference/serve.js');
  const exec = `${process.execPath} ${serve} --socket {socket} --device block`;
  t.equal(run(['new', 'target', 'mine', '--device', 'block', '--exec', exec]).status, 0);
  const { status, stdout, stderr } = run([
    'run',
    '--target-file',
    'mine.json',
    '--case',
    'virtio/block/get-id-returns-string',
    '--dry-run',
  ]);
  t.equal(status, 0, stderr);
  t.match(stdout, 'mine');
});
