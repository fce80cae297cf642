import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { emptyDirectory } from './command-line.ts';
import { refuses } from './refusal.ts';

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
  await refuses(t, ['run', 'vhost-user:dead.sock'], /dead\.sock: no process listens on this socket/, cwd);
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
  { skip: process.getuid?.() === 0 ? false : 'only root can change its user' },
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
  mkdirSync(join(cwd, 'filled'));
  writeFileSync(join(cwd, 'filled', 'letter'), '');
  await refuses(t, ['run', 'reference', '--out', 'filled'], /--out filled: holds other files/, cwd);
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
