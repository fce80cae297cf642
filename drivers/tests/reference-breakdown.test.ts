import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { isListening } from '../iut-process/listening-sockets.ts';
import { openReference } from '../reference/open-reference.ts';
import { SocketCarrier } from '../vhost-user/socket-channel.ts';
import { socketDirectory } from './socket-directory.ts';

const serve = fileURLToPath(new URL('../reference/serve.js', import.meta.url));
const unknownRequest = { request: 999 };

t.test('in process a fault that aborts ends the connection, and a restart brings a fresh back-end', async (t) => {
  const port = openReference({ device: 'block', faults: ['unknown-request-crashes'] });
  const first = port.connect();
  if (first.kind === 'refused') return t.fail(first.why);
  t.equal(first.session.messages.fence().kind, 'reply');
  t.same(first.session.messages.exchange(unknownRequest), { kind: 'died', exit: { signal: 'SIGABRT' } });
  t.notOk(port.iut.isAlive());
  t.equal(port.connect().kind, 'refused');
  t.same(port.iut.resources(), { descriptors: 0, byIdentity: {}, mappings: {}, memory: 0 });
  port.iut.restart();
  const second = port.connect();
  if (second.kind === 'refused') return t.fail(second.why);
  t.equal(second.session.messages.fence().kind, 'reply');
  port.close();
});

t.test('in process a fault that hangs leaves it alive and silent', async (t) => {
  const port = openReference({ device: 'block', faults: ['truncated-message-hangs'] });
  const first = port.connect();
  if (first.kind === 'refused') return t.fail(first.why);
  first.session.messages.sendBytes(Uint8Array.of(1, 0, 0, 0, 1));
  first.session.messages.shutdown('write');
  t.match(first.session.messages.receive(), { kind: 'silent' });
  t.ok(port.iut.isAlive());
  t.equal(port.connect().kind, 'refused');
  port.close();
});

const endings: readonly (readonly [FaultName, Uint8Array, NodeJS.Signals])[] = [
  ['unknown-request-crashes', Uint8Array.of(231, 3, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0), 'SIGABRT'],
  ['lost-connection-crashes', Uint8Array.of(1, 0, 0, 0, 1), 'SIGBUS'],
];
for (const [fault, bytes, signal] of endings) {
  t.test(`${fault}: in a process of its own it really ends by ${signal}`, async (t) => {
    const socket = `${socketDirectory(t)}/reference.sock`;
    const child = spawn(process.execPath, [serve, '--socket', socket, '--device', 'block', '--fault', fault], {
      stdio: 'ignore',
    });
    t.teardown(() => child.kill('SIGKILL'));
    const ended = new Promise((resolve) => child.on('exit', (_, by) => resolve(by)));
    while (!isListening(socket)) await new Promise((resolve) => setTimeout(resolve, 5));
    const connection = new SocketCarrier(socket).connect();
    if (connection.kind === 'refused') return t.fail(connection.why);
    connection.channel.send(bytes, 0, bytes.length, null, 0, -1);
    connection.channel.close();
    t.equal(await ended, signal);
  });
}

t.test('what serve.js is asked for wrongly ends in one line and usage', async (t) => {
  for (const words of [
    [],
    ['--socket', 'x', '--device', 'tape'],
    ['--socket', 'x', '--device', 'net', '--fault', 'no-such'],
  ]) {
    const child = spawn(process.execPath, [serve, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.on('data', (chunk) => {
      text += String(chunk);
    });
    t.equal(await new Promise((resolve) => child.on('close', resolve)), 2);
    t.match(text, /\nusage: serve\.js/);
  }
});
