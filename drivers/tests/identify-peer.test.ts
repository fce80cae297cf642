import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { qemuStorageDaemon } from '../../fixtures/targets/qemu-storage-daemon.ts';
import { DriverUsageError } from '../errors.ts';
import type { IutProcess } from '../iut-process/iut-process.ts';
import { identifyPeer } from '../vhost-user/identify-peer.ts';
import { openSocketTarget } from '../vhost-user/open-socket-target.ts';
import { skipWithout } from './real-target.ts';
import { open, target } from './small-program.ts';

interface Test {
  teardown(handler: () => void): void;
}

const directory = (test: Test): string => {
  const path = mkdtempSync(join(tmpdir(), 'identify-peer-'));
  test.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

/** A program that does this with each connection (named `c`). */
const serving = (test: Test, onConnection: string): IutProcess => {
  const script = `require('node:net').createServer((c) => { c.on('error', () => {}); ${onConnection} }).listen(process.argv[1]);`;
  const iut = open(test, target({ command: process.execPath, arguments: ['-e', script, '{socket}'] }));
  iut.start();
  return iut;
};

const problem = (path: string): string => {
  try {
    identifyPeer(path);
  } catch (error) {
    if (error instanceof DriverUsageError) return error.message;
    throw error;
  }
  return '';
};

t.test('paths that are no socket of a back-end', async (t) => {
  const path = directory(t);
  const at = (name: string): string => join(path, name);
  t.equal(problem(at('none')), 'there is no such socket');
  t.equal(problem(path), 'it is a directory and not a socket');
  writeFileSync(at('file'), '');
  t.equal(problem(at('file')), 'it is not a socket');
  t.equal(problem(at('file/x')), 'a part of the path is not a directory');
  symlinkSync(at('nowhere'), at('link'));
  t.equal(problem(at('link')), 'it is a symbolic link to nothing');
  const long = at('x'.repeat(108));
  t.equal(problem(long), `${long}: a socket path has at most 107 bytes, this one has ${long.length}`);
  const left = spawnSync('python3', ['-c', `import socket; socket.socket(socket.AF_UNIX).bind("${at('left')}")`]);
  if (left.status === 0) t.equal(problem(at('left')), 'no process listens on this socket');
  else t.comment('python3 is missing: no socket without a listener');
  const server = createServer().listen(at('private'));
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  if (process.getuid?.() === 0) {
    chmodSync(path, 0o755);
    chmodSync(at('private'), 0o600);
    const module = new URL('../vhost-user/identify-peer.js', import.meta.url).href;
    const script = `import(${JSON.stringify(module)}).then((m) => { process.setuid(65534); m.identifyPeer(process.argv[1]); }).catch((e) => console.log(e.message))`;
    const run = spawnSync(process.execPath, ['-e', script, at('private')], { encoding: 'utf8' });
    t.equal(run.stdout.trim(), 'no permission to connect');
  }
});

t.test('a peer that speaks another protocol is reported in one line, in time', (t) => {
  const within = (iut: IutProcess): string => {
    const before = Date.now();
    const text = problem(iut.socketPath);
    t.ok(Date.now() - before < 3000, 'within 3 s');
    t.notMatch(text, /\n/);
    return text;
  };
  const http = open(
    t,
    target({
      command: process.execPath,
      arguments: ['-e', `require('node:http').createServer().listen(process.argv[1])`, '{socket}'],
    }),
  );
  http.start();
  t.equal(within(http), 'it speaks HTTP and not vhost-user');
  t.match(within(serving(t, `c.write('SSH-2.0-x\\r\\n');`)), /^it answers .* not vhost-user: 53 53 48/);
  t.match(within(serving(t, `c.write(require('node:crypto').randomBytes(5000));`)), /not vhost-user: .* …$/);
  t.equal(within(serving(t, `c.destroy();`)), 'the back-end closed the connection instead of answering GET_FEATURES');
  t.match(within(serving(t, '')), /^the back-end does not answer GET_FEATURES within 2 s/);
  t.match(
    within(serving(t, `c.write(Buffer.from('0100000005000000', 'hex'));`)),
    /^the back-end answers with 8 of 20 bytes/,
  );
  t.end();
});

t.test('a back-end that is served already', { skip: skipWithout(qemuStorageDaemon) }, (t) => {
  const owner = open(t, qemuStorageDaemon);
  owner.start();
  const { offered, pid } = identifyPeer(owner.socketPath);
  t.equal(pid, owner.pid);
  t.ok((offered >> 32n) & 1n, 'VERSION_1');
  const reach = { via: 'unix-socket', socket: owner.socketPath } as const;
  const { start: _, ...external } = { ...qemuStorageDaemon, reach };
  const port = openSocketTarget(external);
  const connection = port.connect();
  t.equal(connection.kind === 'connected' && connection.session.messages.fence().kind, 'reply');
  t.ok(port.iut.isAlive());
  t.ok((port.iut.resources()?.descriptors ?? 0) > 3, 'known by the credentials of its socket');
  t.throws(() => port.iut.restart(), DriverUsageError);
  port.close();
  t.ok(owner.isAlive(), 'and not ours to end');
  owner.end();
  const gone = openSocketTarget(external);
  t.match(gone.connect(), { kind: 'refused' });
  t.notOk(gone.iut.isAlive());
  gone.close();
  t.end();
});
