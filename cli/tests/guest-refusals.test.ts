import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { main } from './bundled-programs.ts';
import { type Ended, emptyDirectory, livingProcesses, run, start, until } from './command-line.ts';
import { endOf } from './refusal.ts';

/** One clear line, exit code 2, nothing made. */
async function refused(t: Test, words: readonly string[], line: RegExp, name: string): Promise<void> {
  const cwd = emptyDirectory(t);
  isRefusal(t, await endOf(t, ['guest', ...words], { cwd }), line, name);
  t.same(readdirSync(cwd), [], `${name}: nothing is made`);
}

function isRefusal(t: Test, { code, stdout, stderr }: Ended, line: RegExp, name: string): void {
  const last = stderr.trimEnd().split('\n').at(-1) ?? '';
  t.same({ code, stdout }, { code: 2, stdout: '' }, `${name}: exit 2`);
  t.match(last, /^vhost-conformance: /, `${name}: a line of ours`);
  t.match(last, line, name);
}

const requests: { readonly name: string; readonly words: readonly string[]; readonly line: RegExp }[] = [
  { name: 'nothing to do', words: [], line: /guest: say what is to run there/ },
  {
    name: 'another command',
    words: ['--', 'list', 'cases'],
    line: /only run and certify are done in the guest, not list$/,
  },
  { name: 'a run and a shell', words: ['--shell', 'true', '--', 'run', 'reference'], line: /either --shell or run/ },
  {
    name: 'a preparation and a shell',
    words: ['--prepare', '--shell', 'true'],
    line: /--prepare cannot be combined with other work$/,
  },
  { name: 'no target', words: ['--', 'run'], line: /no target: name one of / },
  { name: 'targets that the guest has not', words: ['--', 'run', 'dpdk-*'], line: /dpdk-\*: no target of the guest/ },
  { name: 'an unknown target', words: ['--', 'run', 'kernel-vhost-mdev-nte'], line: /no such target/ },
  {
    name: 'an unknown option',
    words: ['--modul-dir', 'x', '--', 'run', 'reference'],
    line: /unknown option '--modul-dir'/,
  },
  {
    name: 'an unknown option of run',
    words: ['--', 'run', 'reference', '--casse', 'x'],
    line: /unknown option '--casse'/,
  },
  {
    name: 'a socket of the host',
    words: ['--', 'run', 'vhost-user:/run/x.sock'],
    line: /cannot be reached from the guest/,
  },
  {
    name: 'a mediated device of which it is not said what it will be',
    words: ['--', 'run', 'mdev:00000000-1111-2222-3333-444444444444'],
    line: /: say what device it will be: mdev:00000000-.*\?device=net or \?device=block$/,
  },
  {
    name: 'a command at boot without a run',
    words: ['--at-boot', 'true', '--shell', 'true'],
    line: /--at-boot goes with -- run or -- certify$/,
  },
  { name: 'a limit that is none', words: ['--boot-limit', 'soon', '--shell', 'true'], line: /Not a number of seconds/ },
  { name: 'no module', words: ['--module-dir', '.', '--shell', 'true'], line: /has no Makefile of a kernel module$/ },
  {
    name: 'an unwritable cache',
    words: ['--cache', '/proc/cache', '--shell', 'true'],
    line: /cache \/proc\/cache cannot be made/,
  },
  { name: 'a certificate without a claim', words: ['--', 'certify', 'vdpa-sim-blk'], line: /option '--claim <file>'/ },
  {
    name: 'a certificate of a claim that is none',
    words: ['--', 'certify', 'vdpa-sim-blk', '--claim', 'none.json', '--key', 'none.pem', '--out', 'none.tgz'],
    line: /none\.json: cannot be read/,
  },
  { name: 'a run that is none', words: ['--', 'run', '--resume', '/nonexistent'], line: /holds no results/ },
];
t.test('requests that are none', async (t) => {
  for (const { name, words, line } of requests) await refused(t, words, line, name);
});

t.test('without QEMU', async (t) => {
  const cwd = emptyDirectory(t);
  const ended = await run(['guest', '--shell', 'true'], { cwd, environment: { PATH: '/nonexistent' } });
  isRefusal(t, ended, /run: sudo apt-get install .*qemu-system-x86$/, 'no QEMU');
  t.same(readdirSync(cwd), [], 'nothing is made');
});

/** A mirror of Debian that answers everything so. */
async function mirror(t: Test, answer: Parameters<typeof createServer>[1]): Promise<{ url: string; server: Server }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/debian`, server };
}

const brokenMirrors: Readonly<Record<string, readonly [Parameters<typeof createServer>[1], RegExp]>> = {
  'a mirror without it': [
    (_request, response) => void response.writeHead(404).end(),
    /lists .* cannot be fetched: .*does not have a Release file/,
  ],
  'lists without a signature': [
    (_request, response) => void response.end('Origin: Debian\nSuite: bookworm\n'),
    /lists .* cannot be fetched: .*(signed|Clearsigned)/,
  ],
  'a download that breaks off': [
    (_request, response) => {
      response.writeHead(200, { 'content-length': 100_000 });
      response.write('-----BEGIN PGP SIGNED MESSAGE-----\n', () => response.destroy());
    },
    /lists .* cannot be fetched: /,
  ],
};

t.test('what is not fetched leaves nothing in the cache', async (t) => {
  const notFetched = async (name: string, url: string, line: RegExp): Promise<void> => {
    const cwd = emptyDirectory(t);
    const cache = join(cwd, 'cache');
    const words = ['guest', '--cache', cache, '--debian-mirror', url, '--shell', 'true'];
    const { code, stderr } = await endOf(t, words, { cwd });
    t.equal(code, 2, `${name}: exit 2`);
    t.match(stderr.trimEnd().split('\n').at(-1), line, name);
    t.same(readdirSync(cache), [], `${name}: nothing is left in the cache`);
  };
  await notFetched('no network', 'http://127.0.0.1:1/debian', /lists .* cannot be fetched: .*127\.0\.0\.1/);
  for (const [name, [answer, line]] of Object.entries(brokenMirrors)) {
    await notFetched(name, (await mirror(t, answer)).url, line);
  }
});

t.test('ended while it fetches', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    const cwd = emptyDirectory(t);
    const cache = join(cwd, 'cache');
    let asked = false;
    const { url } = await mirror(t, () => {
      asked = true;
    });
    const { child, ended } = start(['guest', '--cache', cache, '--debian-mirror', url, '--shell', 'true'], { cwd });
    await until(() => asked, 'the mirror is asked');
    t.ok(livingProcesses(cache).length > 0 || asked);
    child.kill(signal);
    const { code, stderr } = await ended;
    const codes = { SIGINT: 130, SIGTERM: 143, SIGKILL: null };
    t.equal(code, codes[signal]);
    t.notMatch(stderr, /at .*\.js/, 'no stack');
    await until(() => livingProcesses(url).length === 0 && livingProcesses(cache).length === 0, 'apt ends with it');
    // What a killed one left goes with the next.
    if (signal !== 'SIGKILL') t.same(readdirSync(cache), []);
  }
});

t.test('no disk space', { skip: process.getuid?.() !== 0 ? 'a small file system needs root' : false }, async (t) => {
  const cwd = emptyDirectory(t);
  const small = join(cwd, 'small');
  mkdirSync(small);
  const script = 'mount -t tmpfs -o size=20m none "$1" && shift && exec "$@"';
  writeFileSync(join(cwd, 'mounted.sh'), script);
  const { spawnSync } = await import('node:child_process');
  const words = [process.execPath, main, 'guest', '--cache', join(small, 'cache'), '--shell', 'true'];
  // In a mount namespace of its own, which goes with it.
  const { status, stderr } = spawnSync('unshare', ['--mount', 'sh', join(cwd, 'mounted.sh'), small, ...words], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  t.equal(status, 2);
  t.match(stderr, /^vhost-conformance: no disk space for the kernel: \d+ MB are free at the cache, 420 MB are needed/m);
});
