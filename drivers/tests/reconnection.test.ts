import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { StartCommand, Target } from '../target.ts';
import { openSocketTarget } from '../vhost-user/open-socket-target.ts';
import type { VhostUserPort } from '../vhost-user/vhost-user-port.ts';
import { target } from './small-program.ts';

const server = fileURLToPath(new URL('../reference/serve.js', import.meta.url));

/** The reference in a process of its own, told how it serves. */
const served = (parameters: readonly string[], more: Partial<StartCommand> = {}): Target<'unix-socket'> =>
  target({
    command: process.execPath,
    arguments: [server, '--socket', '{socket}', '--device', 'block', ...parameters],
    readyWithinMs: 10_000,
    ...more,
  });

const opened = (test: { teardown(handler: () => void): void }, of: Target<'unix-socket'>): VhostUserPort => {
  const port = openSocketTarget(of);
  test.teardown(() => port.close());
  return port;
};

/** What a new connection answers to GET_FEATURES, or why there is none. */
function visit(port: VhostUserPort): string {
  const connection = port.connect();
  if (connection.kind === 'refused') return connection.why;
  const { kind } = connection.session.fence();
  connection.session.close();
  return kind;
}

const seven = Array.from({ length: 7 }, (_, n) => n);

t.test('a back-end that binds its socket anew is waited for, once that was seen', (t) => {
  const port = opened(t, served(['--connections', 'anew']));
  t.equal(visit(port), 'passed');
  port.learnReconnection();
  t.same(new Set(seven.map(() => visit(port))), new Set(['passed']));
  t.ok(port.iut.isAlive());
  t.end();
});

t.test('one that keeps its socket is connected to at once', (t) => {
  const port = opened(t, served([]));
  t.equal(visit(port), 'passed');
  port.learnReconnection();
  t.same(new Set(seven.map(() => visit(port))), new Set(['passed']));
  t.end();
});

t.test('a process with one connection is started afresh for each session, and its end is not a death', (t) => {
  const port = opened(t, served(['--connections', 'one'], { lifetime: 'connection' }));
  const states: string[] = [];
  for (const _ of [1, 2, 3]) {
    t.equal(visit(port), 'passed');
    t.equal(port.iut.exit(), undefined);
    t.ok(port.iut.isAlive());
  }
  for (const event of port.log.events()) if (event.kind === 'process') states.push(event.state);
  t.equal(states.filter((state) => state === 'ended').length, 2);
  t.notOk(states.includes('died'));
  t.end();
});

/** Reads a header, and ends with its connection at once. */
const briefServer = (end: number | 'SIGPIPE'): Target<'unix-socket'> => {
  const script = `
    use IO::Socket::UNIX; use POSIX;
    my $connection = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1)->accept;
    sysread($connection, my $header, 12);
    ${end === 'SIGPIPE' ? "kill 'PIPE', $$;" : `POSIX::_exit(${end});`}`;
  return target({ command: 'perl', arguments: ['-e', script, '{socket}'], lifetime: 'connection' });
};

for (const end of [1, 'SIGPIPE'] as const)
  t.test(`its end by ${end} is no death where the connection was closed before anyone met it`, (t) => {
    const port = opened(t, briefServer(end));
    const connection = port.connect();
    if (connection.kind === 'refused') throw new Error(connection.why);
    const { session } = connection;
    session.messages.sendBytes(new Uint8Array(12));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    session.close();
    t.equal(port.iut.exit(), undefined);
    t.ok(port.iut.isAlive());
    port.iut.restart();
    const again = port.connect();
    if (again.kind === 'refused') throw new Error(again.why);
    t.equal(again.session.messages.exchange({ request: 1 }).kind, 'died', 'met while the connection is open');
    t.end();
  });

t.test('one that ends with its connection is not waited for to listen', (t) => {
  const port = opened(t, briefServer(0));
  port.setDeadline(10_000);
  const before = port.nowMs();
  for (const _ of [1, 2, 3]) t.equal(visit(port), 'closed');
  t.ok(port.nowMs() - before < 5000, 'its end is enough');
  t.end();
});

t.test('without being told so, its end is one', (t) => {
  const port = opened(t, served(['--connections', 'one']));
  t.equal(visit(port), 'passed');
  t.match(visit(port), /ECONNREFUSED|ENOENT|closed|died|ended/);
  t.same(port.iut.exit(), { code: 0 });
  t.end();
});

t.test('where its target does not say, it is learned from two processes', (t) => {
  for (const lifetime of [undefined, 'run'] as const) {
    const port = opened(t, served(['--connections', 'one'], lifetime === undefined ? {} : { lifetime }));
    port.facts = { ...port.facts, capabilities: ['restart', 'resources'] };
    t.equal(visit(port), 'passed');
    port.learnReconnection();
    t.equal(port.endsWithConnection, lifetime === undefined);
    if (lifetime === 'run') continue;
    t.same(new Set(seven.map(() => visit(port))), new Set(['passed']));
    t.same(port.facts.capabilities, ['restart']);
    t.match(port.facts.shown, { lifetime: /ends with its connection/ });
  }
  t.end();
});

t.test('an end that another process does not show is none', (t) => {
  const mark = join(t.testdir(), 'ended');
  const words = [process.execPath, server, '--socket', '{socket}', '--device', 'block', '--connections'].join(' ');
  const script = `if [ -e ${mark} ]; then exec ${words} many; fi; touch ${mark}; exec ${words} one`;
  const port = opened(t, target({ command: 'sh', arguments: ['-c', script], readyWithinMs: 10_000 }));
  t.equal(visit(port), 'passed');
  port.learnReconnection();
  t.notOk(port.endsWithConnection);
  t.end();
});

t.test('a process that ends at an error is a death, with what it wrote, also where it has one connection', (t) => {
  const port = opened(t, served(['--connections', 'one', '--exit-at-errors'], { lifetime: 'connection' }));
  const connection = port.connect();
  if (connection.kind === 'refused') throw new Error(connection.why);
  const answer = connection.session.messages.exchange({ request: 200 });
  t.equal(answer.kind, 'died');
  t.same(port.iut.exit(), { code: 1, stderr: 'a request was refused\n' });
  t.match(visit(port), /exit code 1/, 'the next connection does not hide it');
  port.iut.restart();
  t.equal(visit(port), 'passed');
  t.end();
});
