import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { emptyDirectory, run, scratchOf, start } from './command-line.ts';

/** The program refuses: exit 2, one line that matches, nothing on standard output, nothing left behind. */
async function refuses(t: Test, words: readonly string[], line: RegExp, cwd: string, uid?: number): Promise<void> {
  const before = readdirSync(cwd);
  const started = start(words, { cwd, ...(uid === undefined ? {} : { uid }) });
  const { code, signal, stdout, stderr } = await started.ended;
  const name = words.join(' ').replaceAll(cwd, '.');
  t.same({ code, signal, stdout }, { code: 2, signal: null, stdout: '' }, `${name}: exit 2`);
  t.equal(stderr.split('\n').length, 2, `${name}: one line`);
  t.match(stderr, line, name);
  t.same(readdirSync(cwd), before, `${name}: nothing is left`);
  t.same(scratchOf(started.child.pid), [], `${name}: no temporary file is left`);
}

t.test('targets that are none', async (t) => {
  const cwd = emptyDirectory(t);
  await refuses(t, ['run', 'referense'], /referense: no such target \(did you mean reference\b/, cwd);
  await refuses(t, ['run', 'x-y-z'], /x-y-z: no such target; there are reference, /, cwd);
  await refuses(t, ['run'], /no target: name one of reference/, cwd);
  await refuses(t, ['run', 'reference', 'reference'], /reference: named twice/, cwd);
  await refuses(t, ['run', 'vhost-user:'], /a path is missing/, cwd);
  await refuses(t, ['run', '--exec', 'no-such-command {socket}'], /no-such-command is not there/, cwd);
  await refuses(t, ['run', '--exec', 'sleep 1'], /write \{socket\} where its path belongs/, cwd);
  await refuses(t, ['run', '--exec', "sleep '{socket}"], /a quote is not closed/, cwd);
  await refuses(t, ['run', '--exec', 'cat {socket}'], /cat ended before its socket listened: exit code 1/, cwd);
  await refuses(t, ['run', '--target-file', 'none.json'], /none\.json: /, cwd);
  writeFileSync(join(cwd, 'bad.json'), '{"facts": 1}');
  await refuses(t, ['run', '--target-file', 'bad.json'], /bad\.json: facts: /, cwd);
});

t.test('what is unknown or malformed on the command line', async (t) => {
  const cwd = emptyDirectory(t);
  const reference = ['run', 'reference'];
  await refuses(t, ['frobnicate'], /unknown command 'frobnicate'/, cwd);
  await refuses(t, ['rum'], /unknown command 'rum'.*Did you mean run\?/, cwd);
  await refuses(t, [...reference, '--frob'], /unknown option '--frob'/, cwd);
  await refuses(
    t,
    [...reference, '--case', 'virtio/split-rings'],
    /names no case \(did you mean virtio\/split-ring/,
    cwd,
  );
  await refuses(t, [...reference, '--case', 'zzz'], /--case zzz: names no case/, cwd);
  await refuses(
    t,
    [...reference, '--feature', 'VIRTIO_F_EVENT_IX'],
    /no such feature \(did you mean VIRTIO_F_EVENT_IDX\?\)/,
    cwd,
  );
  await refuses(t, [...reference, '--shard', '3/2'], /--shard/, cwd);
  await refuses(t, [...reference, '--repeat', '0'], /--repeat/, cwd);
  await refuses(t, [...reference, '--seed', '-1'], /--seed/, cwd);
  await refuses(t, [...reference, '--level', 'may'], /--level/, cwd);
  await refuses(t, [...reference, '--reporter', 'html,xml'], /xml is no reporter/, cwd);
  await refuses(t, [...reference, '--point', 'x'], /--point wants exactly one case/, cwd);
  await refuses(t, [...reference, '--expect', 'none.json'], /none\.json: cannot be read as expectations/, cwd);
  await refuses(t, ['run', '--resume', 'nowhere'], /nowhere: holds no results of a run/, cwd);
  await refuses(t, ['report', 'nowhere', '--out', 'merged'], /nowhere: no such directory/, cwd);
  await refuses(t, ['list', 'things'], /Allowed choices are cases, requirements, features, targets/, cwd);
});

t.test('paths that are no socket of a back-end', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, 'file'), '');
  symlinkSync('nothing', join(cwd, 'dangling'));
  await refuses(t, ['run', 'vhost-user:none.sock'], /none\.sock: there is no such socket/, cwd);
  await refuses(t, ['run', 'vhost-user:file'], /file: it is not a socket/, cwd);
  await refuses(t, ['run', `vhost-user:${cwd}`], /it is a directory/, cwd);
  await refuses(t, ['run', 'vhost-user:dangling'], /dangling: /, cwd);
  await refuses(t, ['run', `vhost-user:${'x'.repeat(200)}`], /a socket path has at most 107 bytes/, cwd);
  bindAndLeave(join(cwd, 'dead.sock'));
  await refuses(t, ['run', 'vhost-user:dead.sock'], /dead\.sock: nobody serves this socket/, cwd);
});

t.test('sockets that belong to something else', async (t) => {
  const cwd = emptyDirectory(t);
  const serves = {
    'http.sock': (socket: Socket) => socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    'garbage.sock': (socket: Socket) => socket.on('data', () => socket.write(Buffer.alloc(64, 0xa5))),
    'closes.sock': (socket: Socket) => socket.destroy(),
    'silent.sock': (socket: Socket) => socket.resume(),
  };
  for (const [name, serve] of Object.entries(serves)) await listen(t, join(cwd, name), serve);
  await refuses(t, ['run', 'vhost-user:http.sock'], /http\.sock: it speaks HTTP/, cwd);
  await refuses(t, ['run', 'vhost-user:garbage.sock'], /garbage\.sock: it answers GET_FEATURES with something/, cwd);
  await refuses(t, ['run', 'vhost-user:closes.sock'], /closes\.sock: .*closed the connection/, cwd);
  await refuses(t, ['run', 'vhost-user:silent.sock'], /silent\.sock: .*does not answer/, cwd);
});

t.test(
  'without permission',
  { skip: process.getuid?.() === 0 ? false : 'only root can become somebody else' },
  async (t) => {
    const cwd = emptyDirectory(t);
    chmodSync(cwd, 0o755);
    await listen(t, join(cwd, 'closed.sock'), (socket) => socket.resume());
    chmodSync(join(cwd, 'closed.sock'), 0o600);
    const nobody = 65534;
    await refuses(t, ['run', 'vhost-user:closed.sock'], /closed\.sock: no permission to connect/, cwd, nobody);
    await refuses(t, ['run', 'reference', '--out', 'out'], /--out out: no permission to write in /, cwd, nobody);
  },
);

t.test('an --out that cannot be one', async (t) => {
  const cwd = emptyDirectory(t);
  writeFileSync(join(cwd, 'file'), '');
  mkdirSync(join(cwd, 'used'));
  writeFileSync(join(cwd, 'used', 'results.jsonl'), '');
  await refuses(t, ['run', 'reference', '--out', 'file'], /--out file: is a file/, cwd);
  await refuses(t, ['run', 'reference', '--out', 'file/below'], /--out file\/below: .*is a file/, cwd);
  await refuses(t, ['run', 'reference', '--out', 'used'], /--out used: already holds the results of a run/, cwd);
  await refuses(t, ['run', 'reference', '--out', '/proc/x'], /\/proc\/x: cannot be made/, cwd);
});

t.test('a full disk', async (t) => {
  const cwd = emptyDirectory(t);
  const disk = join(cwd, 'disk');
  mkdirSync(disk);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
  if (mounted.status !== 0) {
    t.pass('no disk can be mounted here');
    return;
  }
  t.teardown(() => spawnSync('umount', [disk]));
  await refuses(t, ['run', 'reference', '--out', 'disk/out'], /cannot be written \(ENOSPC/, cwd);
  t.same(readdirSync(disk), [], 'no half a directory');
  await refuses(t, ['run', 'reference', '--out', 'disk'], /cannot be written \(ENOSPC/, cwd);
  t.same(readdirSync(disk), [], 'no file in a directory that was there');
});

t.test('help and lists', async (t) => {
  const cwd = emptyDirectory(t);
  const help = await run(['--help'], { cwd });
  t.equal(help.code, 0);
  for (const word of ['run', 'list', 'report', 'Examples:', 'Exit codes:']) t.match(help.stdout, word);
  t.notMatch(help.stdout, /\b(fuzz|certify|guest|replay|observe)\b/, 'only commands that exist');
  for (const subject of ['cases', 'requirements', 'features', 'targets']) {
    const { code, stdout } = await run(['list', subject, '--json'], { cwd });
    const rows: unknown = JSON.parse(stdout);
    t.equal(code, 0);
    t.ok(Array.isArray(rows) && rows.length > 3, `${subject}: one array`);
  }
  const dry = await run(['run', 'reference', '--dry-run', '--case', 'virtio/split-ring'], { cwd });
  t.equal(dry.code, 0);
  t.match(dry.stdout, /^reference: \d+ results, \d+ not applicable/);
  t.notOk(existsSync(join(cwd, 'vhost-conformance-out')), 'a dry run makes nothing');
});

async function listen(t: Test, path: string, serve: (socket: Socket) => unknown): Promise<Server> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

/** A socket file whose owner is gone. */
function bindAndLeave(path: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
}
