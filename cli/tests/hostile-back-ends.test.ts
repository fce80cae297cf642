import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { workloadOfReference } from '../../drivers/devices/device-types.ts';
import { hostileModes } from '../../fixtures/hostile-back-end/modes.ts';
import { ringModes } from '../../fixtures/hostile-back-end/ring-modes.ts';
import { hostileServer, main, referenceServer } from './bundled-programs.ts';
import { emptyDirectory, eventsOf, livingProcesses } from './command-line.ts';
import { isNightly } from './nightly.ts';

/**
 * Every mode of the hostile back-end is judged, on a short plan and within limits. Nothing that it does may be told as an
 * error of ours, hold up the run, or outlive it.
 */

/** Runs of the modes that wait little. */
const runs = 3;
/**
 * Work of the processors for a mode, at most so many times what one back-end that obeys takes on the same plan and the
 * same machine. How long it takes beside other work is not ours to promise.
 */
const mostTimesHonest = 2;
const ticksPerSecond = 100;
const mostDescriptors = 256;
const mostMemoryKib = 512 * 1024;
const mostDiskKib = 64 * 1024;
const sampleEveryMs = 250;
/** Those that must be met by each mode, and beside them the other layout and negotiation. */
const few = isNightly ? [] : ['--layout', 'split', '--negotiation', 'minimal'];
const ringCase = ['--case', 'virtio/split-ring/used-id-is-chain-head[order=ascending]'];
/** So many requests that what a ring does later is met as well. */
const longRingCase = ['--case', 'virtio/split-ring/used-idx-wraps-at-65536[queueSize=16]'];
const messageCase = ['--case', 'vhost-user/inflight/get-inflight-fd-returns-a-buffer[queueSize=16]'];
const plan = [...ringCase, ...messageCase, ...few];
/** The same plan, one result each. */
const singly = [
  [...ringCase, '--negotiation', 'minimal'],
  ...(isNightly ? [[...ringCase, '--negotiation', 'offered']] : []),
  messageCase,
].map((words) => [...words, ...few]);

/** Modes that make us wait for deadlines: a run of its own for each of their results. */
const slowest = ['reads-nothing', 'stops-itself'];
/** Modes that answer late: a run of its own for each. */
const slow = ['reply-late', 'busy-for-seconds', 'removes-its-directory'];

interface Hand {
  readonly modes: readonly string[];
  /** Of its command line: which cases. */
  readonly cases: readonly string[];
}

/** What each run judges, as even as the waits allow. */
function dealt(modes: readonly string[]): Hand[] {
  const ofRings = modes.filter((mode) => mode in ringModes);
  const others = modes.filter((mode) => ![...slowest, ...slow, ...ofRings].includes(mode));
  return [
    { modes: ofRings, cases: [...longRingCase, ...messageCase, ...few] },
    ...modes
      .filter((mode) => slowest.includes(mode))
      .flatMap((mode) => singly.map((cases) => ({ modes: [mode], cases }))),
    ...modes.filter((mode) => slow.includes(mode)).map((mode) => ({ modes: [mode], cases: plan })),
    ...Array.from({ length: runs }, (_, run) => ({
      modes: others.filter((_, at) => at % runs === run),
      cases: plan,
    })),
  ];
}

const honest = 'honest';

function startOf(mode: string): string[] {
  if (mode === honest) return [process.execPath, referenceServer, '--socket', '{socket}', '--device', 'block'];
  return [...(hostileModes[mode]?.startedBy ?? []), process.execPath, hostileServer, mode, '{socket}'];
}

function targetOf(mode: string) {
  const [command, ...words] = startOf(mode);
  return {
    facts: {
      name: mode,
      transport: 'vhost-user',
      device: 'block',
      identity: 'our back-end',
      workload: workloadOfReference('block'),
      capabilities: ['initial-base', 'restart', 'resources'],
    },
    // Beside others of its kind it starts late.
    start: { command, arguments: words, files: { 'disk.img': 4096 }, readyWithinMs: 120_000 },
    socket: 's.sock',
    recovery: ['reconnect', 'restart'],
  };
}

interface Peak {
  memoryKib: number;
  diskKib: number;
}

/** Judges modes one after another, under the limit of descriptors, and watches what that takes. */
async function judged(cwd: string, { modes, cases }: Hand, peak: Peak): Promise<{ code: number; stderr: string }> {
  const temporary = join(cwd, 't');
  mkdirSync(temporary, { recursive: true });
  const files = modes.map((mode) => {
    const file = join(cwd, `${mode}.json`);
    writeFileSync(file, JSON.stringify(targetOf(mode)));
    return ['--target-file', file];
  });
  const words = [process.execPath, main, 'run', ...files.flat(), ...cases, '--out', 'out'];
  const child = spawn('sh', ['-c', `ulimit -n ${mostDescriptors}; unset NODE_OPTIONS; exec "$@"`, 'sh', ...words], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TMPDIR: temporary, CI: '1' },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const watch = setInterval(() => {
    peak.memoryKib = Math.max(peak.memoryKib, ...[child.pid ?? 0, ...childrenOf(child.pid ?? 0)].map(residentKib));
    peak.diskKib = Math.max(peak.diskKib, kibBelow(cwd));
  }, sampleEveryMs);
  const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? -1)));
  clearInterval(watch);
  return { code, stderr };
}

/** The host processes of a run. */
function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return children.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** What the process has had in memory at most; 0 where it is not there. */
function residentKib(pid: number): number {
  try {
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** As du: what the files take on disk, not what they seem to hold. */
function kibBelow(directory: string): number {
  let kib = 0;
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      kib += entry.isDirectory() ? kibBelow(path) : entry.isFile() ? statSync(path).blocks / 2 : 0;
    }
  } catch {
    // Removed meanwhile.
  }
  return kib;
}

t.test('nothing that a back-end does holds us up, makes an error of ours, or outlives the run', async (t) => {
  // By night all of them; else every third one, of each kind.
  const modes = Object.keys(hostileModes).filter((_, at) => isNightly || at % 3 === 0);
  const cwd = emptyDirectory(t);
  const peak: Peak = { memoryKib: 0, diskKib: 0 };
  const ofHonest = join(cwd, honest);
  mkdirSync(ofHonest);
  const { code, stderr } = await judged(ofHonest, { modes: [honest], cases: plan }, { ...peak });
  t.equal(code, 0, `a back-end that obeys passes: ${stderr.slice(-2000)}`);
  const honestSeconds = processorSeconds();
  const began = performance.now();
  const results = await Promise.all(
    dealt(modes).map(async (hand, run) => {
      const own = join(cwd, String(run));
      mkdirSync(own);
      return { own, mine: hand.modes, ...(await judged(own, hand, peak)) };
    }),
  );
  const tookMs = performance.now() - began;
  for (const { own, mine, code, stderr } of results) {
    t.ok(code === 0 || code === 1, `exit code ${code}: ${stderr.slice(-2000)}`);
    const cases = eventsOf(join(own, 'out')).filter(({ event }) => event === 'case');
    for (const mode of mine)
      t.ok(
        cases.some(({ target }) => target === mode),
        `${mode} has results`,
      );
    t.same(
      cases.filter(({ verdict }) => verdict === 'error').map(({ target, key, error }) => ({ target, key, error })),
      [],
      'no result is an error of ours',
    );
    t.same(readdirSync(join(own, 't')), [], 'no temporary file is left');
  }
  t.same(livingProcesses('serve-hostile.js'), [], 'no back-end is left');
  t.same(livingProcesses('600.7359'), [], 'nor what one had started in another session');
  t.comment(`${modes.length} modes in ${Math.round(tookMs)} ms, ${JSON.stringify(peak)}`);
  const worked = processorSeconds() - honestSeconds;
  const most = mostTimesHonest * modes.length * honestSeconds;
  t.ok(worked < most, `within ${most} s of the processors: ${worked}`);
  t.ok(peak.memoryKib < mostMemoryKib, `memory of a process of ours: ${peak.memoryKib} KiB`);
  t.ok(peak.diskKib < mostDiskKib, `disk: ${peak.diskKib} KiB`);
});

/** Seconds that the processors worked for processes that this one waited for, and for theirs. */
function processorSeconds(): number {
  const [, fields = ''] = readFileSync('/proc/self/stat', 'utf8').split(') ');
  const [user = 0, system = 0] = fields.split(' ').slice(13, 15).map(Number);
  return (user + system) / ticksPerSecond;
}
