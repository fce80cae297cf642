import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { isListening } from '../../drivers/iut-process/listening-sockets.ts';
import { emptyDirectory, eventsOf, livingProcesses, run, until } from './command-line.ts';
import { nightly } from './nightly.ts';
import { sharedRun } from './shared-run.ts';

const sources = fileURLToPath(new URL('../../../fixtures/native-targets/vdpa/', import.meta.url));
const hasDpdk = spawnSync('pkg-config', ['--exists', 'libdpdk']).status === 0;
const skip = hasDpdk ? false : "DPDK's headers are not installed (libdpdk-dev)";

t.setTimeout(300_000);

interface Result {
  readonly caseId: string;
  readonly verdict: string;
  readonly findings: readonly { readonly requirement: string; readonly actual: string }[];
}

interface Judging {
  readonly cases: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Verdicts of these cases, and the requirements of what was found. */
async function judged(t: Test, words: readonly string[], { cases, environment, cwd = emptyDirectory(t) }: Judging) {
  const globs = cases.flatMap((glob) => ['--case', glob]);
  const narrow = ['--negotiation', 'minimal', '--reporter', 'json', '--out', 'out'];
  const asked = ['run', ...words, ...globs, ...narrow];
  const { stderr } = await (environment ? run(asked, { cwd, environment }) : sharedRun(asked, { cwd }));
  const results = eventsOf(join(cwd, 'out')).filter(({ event }) => event === 'case') as unknown as Result[];
  t.not(results.length, 0, stderr);
  t.same(livingProcesses(join(cwd, 'out')), [], 'no process is left');
  return {
    failed: [...new Set(results.filter(({ verdict }) => verdict !== 'pass').map(({ caseId }) => caseId))].sort(),
    found: [...new Set(results.flatMap(({ findings }) => findings.map(({ requirement }) => requirement)))].sort(),
    actual: new Set(results.flatMap(({ findings }) => findings.map(({ actual }) => actual))),
  };
}

/** A fault of the device, the cases that fail by it, and the requirement that is found where it is another than theirs. */
interface Planted {
  readonly cases: readonly string[];
  readonly requirement?: string;
  readonly tried?: { readonly skip?: string | false };
}

const usedLength = 'virtio/split-ring/used-len-counts-written-bytes';
const reconnects = 'vhost-user/reconnect/every-connection-is-served-as-the-first';
const marks = 'vhost-user/log/pages-of-written-buffers-are-marked';
const base = 'vhost-user/vring-base/base-is-next-available-index';
const released = 'vu-reconnect/dead-connection-resources-released';

t.test('a vDPA device behind librte_vhost passes, on both layouts', { skip }, async (t) => {
  const { failed, found } = await judged(t, ['dpdk-vdpa-net'], { cases: [usedLength, reconnects, marks, base] });
  t.same(failed, []);
  t.same(found, []);
});

for (const [fault, { cases, requirement, tried = {} }] of Object.entries({
  'used-length': { cases: [usedLength] },
  'no-log': { cases: [marks], tried: nightly },
  'lost-position': { cases: [base], tried: nightly },
  'second-close': { cases: [reconnects], requirement: released },
  'lost-close': { cases: [reconnects], requirement: released, tried: nightly },
} as Record<string, Planted>)) {
  t.test(`its fault ${fault} is found`, { skip: skip || (tried.skip ?? false) }, async (t) => {
    const { failed, found } = await judged(t, ['dpdk-vdpa-net'], { cases, environment: { VDPA_FAULT: fault } });
    t.same(failed, cases);
    if (requirement !== undefined) t.ok(found.includes(requirement), found.join());
  });
}

t.test('a block device is set up in the order of its target', { skip }, async (t) => {
  const cases = ['virtio/block/read-returns-written-data', 'virtio/block/queues-serve-beside-each-other', usedLength];
  const { failed } = await judged(t, ['dpdk-vdpa-blk'], { cases });
  t.same(failed, []);
});

const example = process.env['VDPA_EXAMPLE'] ?? '/usr/share/dpdk/examples/vdpa';
const skipExample = skip || (!existsSync(example) && "DPDK's vdpa example is not installed (dpdk-doc)");

t.test("the device is a plug-in of DPDK's own example", { skip: skipExample }, async (t) => {
  const { failed, found } = await judged(t, ['dpdk-vdpa-example'], { cases: [usedLength, reconnects, marks] });
  t.same(failed, []);
  t.same(found, []);
});

t.test('without the example, one line says what to install', { skip }, async (t) => {
  const environment = { VDPA_EXAMPLE: '/nowhere' };
  const { code, stderr } = await run(['run', 'dpdk-vdpa-example', '--case', base], {
    cwd: emptyDirectory(t),
    environment,
  });
  t.equal(code, 2);
  t.match(stderr, /DPDK's vdpa example is missing; run: apt-get install dpdk-doc/);
});

t.test('two devices of one process are judged at once', { skip }, async (t) => {
  const directory = emptyDirectory(t);
  const [first, second] = ['a', 'b'].map((name) => join(directory, name)) as [string, string];
  const serving = spawn('bash', [join(sources, 'start.sh')], {
    stdio: 'ignore',
    env: {
      ...process.env,
      VDPA_DEVICE: 'vdpa_sw_net0',
      VDPA_SOCKET: first,
      VDPA_ALSO: `vdpa_sw_net1=${second}`,
      VDPA_EAL: '--no-huge -m 16 --no-pci --vdev vdpa_sw_net0 --vdev vdpa_sw_net1',
    },
  });
  t.teardown(() => serving.kill('SIGKILL'));
  await until(() => isListening(second), 'the second device is served', 60_000);
  const targets = [first, second].map((socket) => `vhost-user:${socket}?device=net&returns=same-port`);
  const both = await Promise.all(targets.map((target) => judged(t, [target], { cases: [usedLength, marks] })));
  for (const { failed } of both) t.same(failed, []);
  t.equal(serving.exitCode, null);
});

t.test('a driver of your own takes two lines of a target file', { skip }, async (t) => {
  const cwd = emptyDirectory(t);
  for (const file of readdirSync(sources)) copyFileSync(join(sources, file), join(cwd, file));
  const build = `gcc -fPIC -shared -o libmine.so -DALLOW_EXPERIMENTAL_API $(pkg-config --cflags libdpdk) \\
    device.c worker.c ring.c segments.c split.c packed.c net.c block.c -lrte_vhost -lrte_eal -lrte_bus_vdev`;
  const built = spawnSync('bash', ['-c', `sed -i s/vdpa_sw_/vdpa_mine_/ *.c && ${build}`], { cwd, encoding: 'utf8' });
  t.equal(built.status, 0, built.stderr);
  const environment = { VDPA_DRIVER: join(cwd, 'libmine.so'), VDPA_DEVICE: 'vdpa_mine_net0' };
  writeFileSync(join(cwd, 'mine.json'), JSON.stringify({ like: 'dpdk-vdpa-net', start: { environment } }));
  const { failed, found } = await judged(t, ['--target-file', 'mine.json'], { cases: [usedLength, reconnects], cwd });
  t.same(failed, []);
  t.same(found, []);
});
