import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { DeadlineError, DriverUsageError, IutGoneError } from '../errors.ts';
import { printedBy } from '../iut-process/brief-process.ts';
import { IutProcess } from '../iut-process/iut-process.ts';
import { isListening } from '../iut-process/listening-sockets.ts';
import { adoptOrphans } from '../iut-process/orphans.ts';
import { childrenOf, isExiting, processTree } from '../iut-process/process-tree.ts';
import { setChildSubreaper } from '../native/native.ts';
import { listener, listening, open, target } from './small-program.ts';

t.test('a program that listens is ready without being connected to', (t) => {
  const seen: string[] = [];
  const iut = open(t, listener('', { files: { 'disk.img': 1 << 20 } }), { listener: (state) => seen.push(state) });
  iut.start();
  t.ok(iut.isAlive());
  t.ok(isListening(iut.socketPath));
  t.equal(statSync(iut.directory).mode & 0o777, 0o700, 'its directory is ours alone');
  t.equal(statSync(join(iut.directory, 'disk.img')).size, 1 << 20);
  t.ok((iut.resources()?.descriptors ?? 0) > 3);
  t.type(iut.cpuTimeMs(), 'number');
  const { pid, directory } = iut;
  iut.close();
  iut.close();
  t.same(processTree(pid), []);
  t.notOk(existsSync(directory));
  t.same(seen, ['started', 'ready', 'ended-by-us']);
  t.end();
});

t.test('a second process takes the place of the first', (t) => {
  const iut = open(t, listener());
  iut.start();
  const first = iut.pid;
  iut.restart();
  t.not(iut.pid, first);
  t.same(processTree(first), []);
  t.equal(iut.generation, 2);
  t.ok(iut.isAlive());
  t.end();
});

t.test('a death is told with its signal, and what was written to stderr', (t) => {
  const iut = open(t, listener(`console.error('about to fall');`));
  iut.start();
  while (iut.stderrTail(100) === '') iut.waitForExit(10);
  iut.signal('SIGSEGV');
  t.same(iut.waitForExit(5000), { signal: 'SIGSEGV', stderr: 'about to fall\n' });
  t.notOk(iut.isAlive());
  t.match(iut.stderrTail(100), /about to fall/);
  t.equal(iut.cpuTimeMs(), undefined);
  t.equal(iut.resources(), undefined);
  t.end();
});

t.test('the tail of stderr begins with a line', (t) => {
  const iut = open(t, listener(`console.error('x'.repeat(100)); console.error('last line');`));
  iut.start();
  while (!iut.stderrTail(1000).includes('last')) iut.waitForExit(10);
  t.equal(iut.stderrTail(30), 'last line\n');
  t.end();
});

t.test('a program that ends at its start', (t) => {
  const iut = open(t, target({ command: 'sh', arguments: ['-c', 'echo it is broken >&2; exit 3'] }));
  t.throws(
    () => iut.start(),
    new IutGoneError('sh ended before its socket listened: exit code 3, stderr: it is broken'),
  );
  t.equal(iut.pid, -1);
  const killed = open(t, target({ command: 'sh', arguments: ['-c', 'kill -SEGV $$'] }));
  t.throws(() => killed.start(), new IutGoneError('sh ended before its socket listened: killed by SIGSEGV'));
  t.end();
});

t.test('a program that never listens', (t) => {
  const seen: string[] = [];
  const iut = open(t, target({ command: 'sleep', arguments: ['60'], readyWithinMs: 200 }), {
    listener: (state, detail) => seen.push(`${state}: ${detail}`),
  });
  t.throws(() => iut.start(), DeadlineError);
  t.equal(iut.pid, -1);
  t.equal(seen.at(-1), 'ended-by-us: killed by SIGTERM');
  t.end();
});

t.test('a command that is missing or may not be run', (t) => {
  const missing = open(t, target({ command: 'no-such-back-end', arguments: [] }));
  t.throws(
    () => missing.start(),
    new DriverUsageError(
      'no-such-back-end: command not found (Debian: apt-get install small-package or other-package)',
    ),
  );
  const forbidden = open(t, target({ command: '/etc/passwd', arguments: [] }));
  t.throws(() => forbidden.start(), new DriverUsageError('/etc/passwd: no permission to execute it'));
  t.throws(
    () =>
      new IutProcess({
        ...target({ command: 'x', arguments: [] }),
        reach: { via: 'unix-socket', socket: 'x'.repeat(120) },
      }),
    DriverUsageError,
  );
  t.throws(() => new IutProcess(listener(), { runDirectory: '/no/such/directory' }), DriverUsageError);
  t.end();
});

t.test('a program that takes no SIGTERM, and one that leaves a child behind', (t) => {
  const stubborn = open(t, listener(`process.on('SIGTERM', () => {});`), { graceMs: 100 });
  stubborn.start();
  const { pid } = stubborn;
  stubborn.end();
  t.same(stubborn.exit(), { signal: 'SIGKILL' });
  t.same(processTree(pid), []);
  const parent = open(t, listener(`require('node:child_process').spawn('sleep', ['60']);`), { graceMs: 1000 });
  parent.start();
  while (processTree(parent.pid).length < 2) parent.waitForExit(10);
  const child = processTree(parent.pid)[1] ?? 0;
  parent.end();
  // It was killed with its group; only the kernel waits for its end.
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let looks = 0; looks < 200 && !isExiting(child); looks++) Atomics.wait(pause, 0, 0, 10);
  t.ok(isExiting(child), 'the child is gone with its group');
  t.end();
});

t.test('a program that stands still is let run on to its end', (t) => {
  const still = open(t, listener(), { graceMs: 60_000 });
  still.start();
  still.signal('SIGSTOP');
  still.end();
  t.same(still.exit(), { signal: 'SIGTERM' });
  t.end();
});

t.test('what an IUT left of its own: in another session, with another environment', (t) => {
  adoptOrphans();
  t.teardown(() => setChildSubreaper(false));
  const leave = `require('node:child_process').spawn('sh', ['-c', 'setsid env -i sleep 60 &'], { stdio: 'ignore' });`;
  const iut = open(t, listener(leave));
  iut.start();
  const ours = (): number[] => childrenOf(process.pid).filter((pid) => pid !== iut.pid);
  while (ours().length === 0) iut.waitForExit(10);
  const [left = 0] = ours();
  t.notOk(isExiting(left));
  iut.end();
  t.same(processTree(left), [], 'it is gone, and was waited for');
  t.end();
});

t.test('only sockets are removed, and no file of an IUT is followed', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'elsewhere-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const elsewhere = join(directory, 'letter');
  writeFileSync(elsewhere, 'kept');
  const iut = open(t, listener('', { files: { 'disk.img': 4096 } }));
  symlinkSync(elsewhere, join(iut.directory, 'disk.img'));
  iut.start();
  t.equal(readFileSync(elsewhere, 'utf8'), 'kept');
  t.equal(statSync(join(iut.directory, 'disk.img')).size, 4096);
  iut.end();
  writeFileSync(iut.socketPath, 'a file');
  t.throws(() => iut.start(), IutGoneError, 'the program cannot bind to a file');
  t.equal(readFileSync(iut.socketPath, 'utf8'), 'a file', 'it is still there');
  t.end();
});

t.test('what a process prints takes no disk, and does not hold it up', (t) => {
  const print = `const line = 'x'.repeat(1023) + '\\n'; for (let n = 0; n < 20000; n++) process.stderr.write(line);`;
  const iut = open(t, listener(`${print} process.stderr.write('the end\\n');`));
  iut.start();
  while (!iut.stderrTail(100).includes('the end')) iut.waitForExit(10);
  t.equal(iut.stderrTail(8), 'the end\n');
  t.same(readdirSync(iut.directory), ['s.sock']);
  t.end();
});

t.test('a command that takes no SIGTERM and prints without end is ended in its time', (t) => {
  const began = performance.now();
  const script = 'trap "" TERM; echo version 1.2.3; while :; do echo noise; done';
  t.match(printedBy('sh', ['-c', script], 200), /^version 1\.2\.3\n/);
  t.ok(performance.now() - began < 10_000);
  t.equal(printedBy('no-such-command', [], 200), '');
  t.end();
});

t.test('standard input: at its end, or kept open', (t) => {
  // Not at once: the socket must be seen to listen before the end.
  const untilEof = `process.stdin.on('end', () => setTimeout(() => process.exit(7), 500)).resume();`;
  const closed = open(t, listener(untilEof));
  closed.start();
  t.same(closed.waitForExit(5000), { code: 7 });
  const kept = open(t, listener(untilEof, { keepStdinOpen: true }));
  kept.start();
  t.equal(kept.waitForExit(1000), undefined);
  t.ok(kept.isAlive());
  t.end();
});

t.test('a program is told its places in arguments, environment and working directory', (t) => {
  const script = `
    const { PLACE } = process.env;
    require('node:fs').writeFileSync('told', PLACE);
    require('node:net').createServer().listen(process.argv[1]);`;
  const more = { environment: { PLACE: '{dir}/x' }, workingDirectory: '{dir}/sub' };
  const iut = open(t, target({ command: process.execPath, arguments: ['-e', script, '{socket}'], ...more }));
  mkdirSync(join(iut.directory, 'sub'));
  iut.start();
  t.equal(readFileSync(join(iut.directory, 'sub', 'told'), 'utf8'), join(iut.directory, 'x'));
  iut.close();
  t.end();
});

t.test('a socket listens by whichever path it was bound', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'listening-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const at = (path: string): string => join(directory, path);
  for (const name of ['a.sock', 'b.sock']) writeFileSync(at(name), '');
  const bound = (path: string): string =>
    `Num       RefCount Protocol Flags    Type St Inode Path\n0000000000000000: 00000002 00000000 00010000 0001 01 24037 ${path}\n`;
  t.ok(isListening(at('a.sock'), bound(`${directory}/./a.sock`)));
  t.ok(isListening(`${directory}/./a.sock`, bound(at('a.sock'))));
  t.ok(isListening(at('a.sock'), bound('./a.sock')), 'relative to its own directory');
  symlinkSync(directory, at('link'));
  t.ok(isListening(at('a.sock'), bound(at('link/a.sock'))));
  t.notOk(isListening(at('a.sock'), bound(at('b.sock'))));
  t.notOk(isListening(at('gone.sock'), bound(`${directory}/./gone.sock`)), 'no file, no socket');
  mkdirSync(at('other'));
  writeFileSync(at('other/a.sock'), '');
  t.notOk(isListening(at('a.sock'), bound(at('other/a.sock'))), 'another file of the same name');
  t.end();
});

t.test('a program in a network namespace of its own listens as well', async (t) => {
  const inNamespace = ['--user', '--map-root-user', '--net'];
  if (spawnSync('unshare', [...inNamespace, 'true']).status !== 0) return t.pass('unshare(1) makes no namespace here');
  const start = { command: 'unshare', arguments: [...inNamespace, process.execPath, '-e', listening, '{socket}'] };
  const iut = open(t, target(start));
  iut.start();
  t.ok(isListening(iut.socketPath));
  const { socketPath } = iut;
  iut.close();
  t.notOk(isListening(socketPath), 'no more once it ended');
});

t.test('the Flags column of /proc/net/unix says who listens', (t) => {
  const text = [
    'Num       RefCount Protocol Flags    Type St Inode Path',
    '0000000000000000: 00000002 00000000 00010000 0001 01 24037 /tmp/a b.sock',
    '0000000000000000: 00000003 00000000 00000000 0001 03 24038 /tmp/connected.sock',
    '0000000000000000: 00000002 00000000 00010000 0001 01 24039 /tmp/x.sock.other',
    '',
  ].join('\n');
  t.ok(isListening('/tmp/a b.sock', text));
  t.notOk(isListening('/tmp/connected.sock', text));
  t.notOk(isListening('/tmp/x.sock', text), 'a longer path');
  t.notOk(isListening('x.sock.other', text), 'the end of a path');
  t.end();
});
