import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { referenceServer } from './bundled-programs.ts';
import { emptyDirectory, run } from './command-line.ts';
import { sharedRun } from './shared-run.ts';

const faulty = `${process.execPath} '${referenceServer}' --socket {socket} --device block --fault other-version-accepted`;
const about = ['--case', 'vhost-user/header', '--negotiation', 'minimal', '--reporter', 'json'];

t.test('a run with a fault broke what one without has, and a baseline says the same', async (t) => {
  const cwd = emptyDirectory(t);
  const [good, bad] = await Promise.all([
    run(['run', 'reference', ...about, '--out', 'good'], { cwd }),
    run(['run', '--exec', faulty, ...about, '--out', 'bad'], { cwd }),
  ]);
  t.equal(good.code, 0, good.stderr);
  t.equal(bad.code, 1, bad.stderr);

  const worse = await run(['compare', 'good', 'bad', '--out', 'page'], { cwd });
  t.equal(worse.code, 1, worse.stderr);
  t.match(worse.stdout, /^Broke \(\d+\):\n {2}\S+ {2}vhost-user\/header\/\S+.*\n {4}was pass, is fail \(/m);
  t.match(worse.stdout, /npx vhost-conformance run --exec/);
  t.match(readFileSync(join(cwd, 'page', 'compare.html'), 'utf8'), '<h3>Broke</h3>');

  const better = await sharedRun(['compare', 'bad', 'good', '--json'], { cwd });
  t.equal(better.code, 0, better.stderr);
  const { changes, worse: isWorse } = JSON.parse(better.stdout);
  t.equal(isWorse, false);
  t.ok(changes.some(({ kind }: { kind: string }) => kind === 'mended'));

  const saved = await sharedRun(['compare', 'good', '--save', 'baseline.json'], { cwd });
  t.match(saved, { code: 0, stdout: 'Baseline: baseline.json\n' });
  t.match(await sharedRun(['compare', 'baseline.json', 'good'], { cwd }), { code: 0 });
  t.match(await sharedRun(['compare', 'baseline.json', 'bad'], { cwd }), { code: 1, stdout: /^Broke/m });

  cpSync(join(cwd, 'good'), join(cwd, 'again'), { recursive: true });
  const refused = await sharedRun(['report', 'good', 'again', '--out', 'twice'], { cwd });
  t.match(refused, { code: 2, stderr: /"vhost-conformance compare"/ });
});

t.test('what cannot be compared is refused in one line', async (t) => {
  const cwd = emptyDirectory(t);
  t.match(await sharedRun(['compare', 'nowhere', 'nowhere'], { cwd }), {
    code: 2,
    stderr: /nowhere: no such directory or file\n$/,
  });
  t.match(await sharedRun(['compare', '.'], { cwd }), { code: 2, stderr: /wants two runs or more/ });
});

t.test('expectations are written from a run, shown as a difference, and then hold', async (t) => {
  const cwd = emptyDirectory(t);
  const words = [
    'run',
    '--exec',
    faulty,
    '--case',
    'vhost-user/header/other-version-is-refused',
    '--expect',
    'known.json',
  ];
  const environment = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: join(cwd, 'summary.md') };
  const refused = await sharedRun(['run', 'reference', '--update-expectations'], { cwd });
  t.match(refused, { code: 2, stderr: /--update-expectations wants --expect FILE/ });
  const first = await run([...words, '--update-expectations', '--out', 'first', '--reporter', 'github'], {
    cwd,
    environment,
  });
  t.equal(first.code, 1, first.stderr);
  t.match(first.stdout, /^\+ {4}"requirement": "vu-header\/other-version-refused",$/m);
  t.match(first.stdout, /known\.json: 1 deviation added, 0 removed/);
  t.match(first.stdout, /^::warning title=serve\.js%3A vu-header\/other-version-refused \(choice\)::/m);
  t.match(
    readFileSync(join(cwd, 'summary.md'), 'utf8'),
    /^## 0 violations on 0 of 1 target\n[\s\S]*\| serve\.js \| 0 \| 1 \| 0 \| 0 \| 1 \|/,
  );
  const again = await sharedRun([...words, '--reporter', 'json', '--out', 'again'], { cwd });
  t.equal(again.code, 0, again.stdout);
});
