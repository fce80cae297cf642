import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { isCommand } from '../guest/kernel-files.ts';
import { emptyDirectory, eventsOf, livingProcesses, run, scratchOf, start, until } from './command-line.ts';
import { nightly as whenNightly } from './nightly.ts';

const skip = isCommand('qemu-system-x86_64') ? false : 'QEMU is not there';
/** Each of them boots kernels. */
const nightly = { skip: skip || whenNightly.skip };

/** QEMUs that write into this directory. */
const machinesOf = (directory: string): number[] => livingProcesses(`id=out,path=${directory}`);

t.test('a shell command in the guest, with a module and its option', nightly, async (t) => {
  const cwd = emptyDirectory(t);
  const command = 'uname -r; cat /sys/module/vhost_mdev/parameters/layout; pwd; touch here; echo said >&2; exit 7';
  const { code, stdout } = await run(['guest', '--module-option', 'layout=l1', '--shell', command], { cwd });
  const [release, layout, directory, said] = stdout.split('\n');
  t.equal(code, 7);
  t.match(release, /^6\.12\..*-amd64$/);
  t.equal(layout, 'l1');
  t.equal(directory, cwd);
  t.equal(said, 'said');
  t.notOk(existsSync(join(cwd, 'here')), 'nothing of it reaches the host');
});

t.test('kernels that do not boot', nightly, async (t) => {
  const cwd = emptyDirectory(t);
  const without = await run(['guest', '--kernel-option', 'rdinit=/nonexistent', '--shell', 'true'], { cwd });
  t.equal(without.code, 2);
  t.match(without.stderr, /the kernel does not boot: it ended; its console said last: .*Kernel panic/);
  const slow = await run(['guest', '--boot-limit', '1', '--shell', 'true'], { cwd });
  t.equal(slow.code, 2);
  t.match(slow.stderr, /the kernel does not boot: it was not ready after 1 s; its console said last: /);
});

t.test('a kernel that ends under a command', nightly, async (t) => {
  const cwd = emptyDirectory(t);
  const { code, stdout, stderr } = await run(
    ['guest', '--shell', 'echo before; echo c >/proc/sysrq-trigger; echo after'],
    { cwd },
  );
  t.equal(code, 2);
  t.equal(stdout, 'before\n');
  t.match(stderr, /^vhost-conformance: the guest ended before the command: .*Kernel panic.*sysrq/m);
});

t.test('a device of the user, made by a command at boot', nightly, async (t) => {
  const cwd = emptyDirectory(t);
  const uuid = '83b8f4f2-509f-382f-3c1e-e6bfe0fa1001';
  const create = `echo ${uuid} > /sys/class/mdev_bus/vhost-mdev/mdev_supported_types/vhost-mdev-blk/create`;
  const runs = ['--', 'run', `mdev:${uuid}?device=block`, '--case', 'vhost-mdev/identity', '--out', 'out'];
  const failing = await run(['guest', '--at-boot', 'echo no device; false', ...runs], { cwd });
  t.equal(failing.code, 2);
  t.match(failing.stderr, /^vhost-conformance: the command at boot ended with 1: no device$/m);
  t.notOk(existsSync(join(cwd, 'out')));
  const { code, stderr } = await run(['guest', '--at-boot', create, ...runs], { cwd });
  t.equal(code, 0, stderr);
  const events = eventsOf(join(cwd, 'out'));
  t.match(
    events.find(({ event }) => event === 'target'),
    { target: `mdev:${uuid}`, device: 'block', identity: /, layout L2$/, capabilities: ['initial-base', 'layout-l2'] },
  );
  const verdicts = events.filter(({ event }) => event === 'case').map(({ verdict }) => verdict);
  t.ok(verdicts.includes('pass'));
  t.same(
    verdicts.filter((verdict) => verdict !== 'pass' && verdict !== 'not-applicable'),
    [],
  );
});

t.test('the case that ends the kernel has the finding, and the run completes', nightly, async (t) => {
  const cwd = emptyDirectory(t);
  const guilty = 'vhost-mdev/channel/owner-messages-are-taken-at-any-time';
  const cases = ['vhost-mdev/channel/log-base-is-taken', guilty, 'vhost-mdev/channel/state-of-4-bytes-is-taken'];
  const words = [
    ...['guest', '--module-option', 'provoke=oops', '--module-option', 'provoke_at=VHOST_RESET_OWNER'],
    ...[
      '--',
      'run',
      'kernel-vhost-mdev-blk',
      ...cases.flatMap((id) => ['--case', id]),
      '--layout',
      'split',
      '--out',
      'out',
    ],
    ...['--reporter', 'html,json'],
  ];
  const { code, stdout, stderr } = await run(words, { cwd });
  t.equal(code, 1, stderr);
  const events = eventsOf(join(cwd, 'out'));
  const verdicts = events.filter(({ event }) => event === 'case').map(({ caseId, verdict }) => [caseId, verdict]);
  t.same(Object.fromEntries(verdicts), Object.fromEntries(cases.map((id) => [id, id === guilty ? 'fail' : 'pass'])));
  const failed = events.find(({ event, verdict }) => event === 'case' && verdict === 'fail');
  t.match(failed, {
    caseId: guilty,
    findings: [{ how: 'crash', actual: /^BUG: kernel NULL pointer dereference/, kernelLog: /vhm_provoke/ }],
    rerun: /^npx vhost-conformance guest --module-option provoke=oops .* -- run kernel-vhost-mdev-blk --case /,
  });
  const begins = events.filter(({ event, key }) => event === 'begin' && key === guilty);
  t.equal(begins.length, 2, 'it ended the kernel in the run, and alone');
  const log = readFileSync(join(cwd, 'out', 'kernel.log'), 'utf8');
  t.same(log.match(/^--- boot \d/gm), ['--- boot 1', '--- boot 2', '--- boot 3']);
  t.equal(log.match(/BUG: kernel NULL pointer/g)?.length, 2);
  t.match(events.at(-1), { event: 'end', reason: 'completed' });
  t.match(stdout, /Report: .*report\.html\n.*report\.json/);
  t.ok(existsSync(join(cwd, 'out', 'report.html')));
  t.same(machinesOf(join(cwd, 'out')), [], 'no guest is left');
});

t.test('what is ended leaves no guest behind, and keeps what was recorded', nightly, async (t) => {
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    const cwd = emptyDirectory(t);
    const out = join(cwd, 'out');
    const { child, ended } = start(['guest', '--', 'run', 'kernel-vhost-mdev-blk', '--out', out], { cwd });
    await until(() => eventsOf(out).some(({ event }) => event === 'case'), 'a first result', 300_000);
    t.equal(machinesOf(out).length, 1);
    child.kill(signal);
    const { code } = await ended;
    t.equal(code, signal === 'SIGINT' ? 130 : null);
    await until(() => machinesOf(out).length === 0, 'QEMU ends as well');
    t.ok(eventsOf(out).some(({ event }) => event === 'case'));
    if (signal !== 'SIGINT') continue;
    t.match(eventsOf(out).at(-1), { event: 'end', reason: 'interrupted' });
    t.same(scratchOf(child.pid), [], 'no temporary files');
    const there = await run(['run', '--resume', out], { cwd });
    t.match(there, { code: 2, stderr: /ran in a guest: say "guest -- run"/ });
  }
});

/** A directory with a module that only says that it was loaded. */
function moduleIn(directory: string, code: string): string {
  writeFileSync(join(directory, 'Makefile'), 'obj-m := greeting.o\n');
  const lines = [
    '#include <linux/module.h>',
    `static int __init greet(void) { ${code} }`,
    'module_init(greet);',
    'MODULE_LICENSE("GPL");',
  ];
  writeFileSync(join(directory, 'greeting.c'), `${lines.join('\n')}\n`);
  return directory;
}

t.test("a module of one's own, and a target that is not there with it", nightly, async (t) => {
  const module = moduleIn(emptyDirectory(t), 'return 0;');
  const cwd = emptyDirectory(t);
  const words = ['guest', '--module-dir', module];
  const { code, stderr } = await run([...words, '--', 'run', 'kernel-vhost-mdev-blk', '--out', 'a/b'], { cwd });
  t.equal(code, 2);
  t.match(stderr, /^vhost-conformance: kernel-vhost-mdev-blk: the module vhost_mdev is not loaded in this kernel$/m);
  t.notOk(existsSync(join(cwd, 'a')), 'nothing of the run is left');
});

t.test('a module that cannot be built', { skip }, async (t) => {
  const module = moduleIn(emptyDirectory(t), 'return nought;');
  const { code, stderr } = await run(['guest', '--module-dir', module, '--shell', 'true'], { cwd: emptyDirectory(t) });
  t.equal(code, 2);
  t.match(stderr, /cannot be built: greeting\.c:2:\d+: error: .*nought/);
});

t.test('a module that cannot be loaded', nightly, async (t) => {
  const module = moduleIn(emptyDirectory(t), 'return -EIO;');
  const { code, stderr } = await run(['guest', '--module-dir', module, '--shell', 'true'], { cwd: emptyDirectory(t) });
  t.equal(code, 2);
  t.match(stderr, /the guest is not ready: greeting\.ko cannot be loaded: .*Input\/output error/);
});
