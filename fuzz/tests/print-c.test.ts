import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { workloadOfReference } from '../../drivers/devices/device-types.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { printC } from '../print-c/print-c.ts';
import { recorded } from '../print-c/record-program.ts';
import type { Recording } from '../print-c/recording.ts';
import { parseProgram } from '../program/parse-program.ts';
import { startedDisk } from './started-disk.ts';

const server = fileURLToPath(new URL('../../drivers/reference/serve.js', import.meta.url));
const faultWords = (fault: FaultName | undefined): string[] => (fault === undefined ? [] : ['--fault', fault]);
const readRequest = 'segments=[{bytes=00*16} {writable=yes length=512} {writable=yes length=1}]';
const begin = 'r1 = connect\nr2 = negotiate device=0x140000000 protocol=0xffff\nr3 = memory\nr4 = share\n';
const ring = `${begin}r5 = ring size=16\nr6 = attach\nr7 = chain ${readRequest}\n`;

function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'vc-c-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs a program on a reference process with a fault, and records it. */
async function recordingOf(t: Test, text: string, fault: FaultName | undefined, isHang = false): Promise<Recording> {
  const words = [server, '--socket', '{socket}', '--device', 'block', '--queues', '2', ...faultWords(fault)];
  const { port } = startedDisk(process.execPath, words, workloadOfReference('block'), directory(t));
  try {
    const recording = recorded(port, [parseProgram(text)], { transfer: isHang });
    if (recording === undefined) throw new Error('nothing was recorded');
    return recording;
  } finally {
    port.close();
  }
}

function compiled(t: Test, source: string): string {
  const path = join(directory(t), 'shown');
  writeFileSync(`${path}.c`, source);
  const { status, stderr } = spawnSync('cc', ['-Wall', '-Wextra', '-Werror', '-o', path, `${path}.c`], {
    encoding: 'utf8',
  });
  t.equal(status, 0, stderr);
  return path;
}

async function served(t: Test, fault: FaultName | undefined): Promise<{ child: ChildProcess; socket: string }> {
  const socket = join(directory(t), 's');
  const words = [server, '--socket', socket, '--device', 'block', '--queues', '2', ...faultWords(fault)];
  const child = spawn(process.execPath, words, { stdio: 'ignore' });
  t.teardown(() => child.kill('SIGKILL'));
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error('the reference ended');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { child, socket };
}

let started: ReturnType<typeof served> | undefined;

/** One that serves every program that is to show nothing. */
function sound(): ReturnType<typeof served> {
  started ??= served(t, undefined);
  return started;
}

async function shows(
  t: Test,
  program: string,
  fault: FaultName | undefined,
): Promise<{ code: number | null; said: string }> {
  const { socket } = fault === undefined ? await sound() : await served(t, fault);
  const { status, stdout } = spawnSync(program, [socket], { encoding: 'utf8', timeout: 60_000 });
  return { code: status, said: stdout };
}

const programs: readonly {
  readonly text: string;
  readonly fault: FaultName;
  readonly says: RegExp;
  readonly isHang?: true;
}[] = [
  {
    text: `${begin}r5 = message request=18 fields=[{name=num value=0x2}]\n`,
    fault: 'other-enable-value-crashes',
    says: /the back-end died, or does not answer any more\n$/,
  },
  {
    text: `${ring}r8 = ring-write area=descriptor offset=44 bytes=03000200\nr9 = kick\nr10 = wait\n`,
    fault: 'descriptor-loop-hangs',
    says: /the back-end died, or does not answer any more\n$/,
    isHang: true,
  },
  {
    text: `${begin}r5 = ring size=16\nr6 = attach\nr7 = chain ${readRequest}\nr8 = kick\nr9 = wait\nr10 = chain segments=[{length=16 at=0xdead000} {writable=yes length=1}]\nr11 = kick\nr12 = wait\n`,
    fault: 'unmapped-buffer-crashes',
    says: /\nused: 1\n(.*\n)*the back-end died, or does not answer any more\n$/,
  },
  {
    text: `r1 = connect\nr2 = negotiate device=0x540000000 protocol=0xffff\nr3 = memory\nr4 = share\nr5 = ring size=16 layout=packed\nr6 = attach\nr7 = chain ${readRequest}\nr8 = kick\nr9 = wait\nr10 = chain segments=[{length=16 at=0xdead000} {writable=yes length=1}]\nr11 = kick\nr12 = wait\n`,
    fault: 'unmapped-buffer-crashes',
    says: /\nused: \d+\n(.*\n)*the back-end died, or does not answer any more\n$/,
  },
];

/** Where the available idx of ring 0 lies in a file, as the messages told it. */
function availIdxIn(steps: Recording['steps']): number {
  const body = (request: number): DataView => {
    const sent = steps.find((step) => step.kind === 'send' && step.bytes[0] === request);
    if (sent?.kind !== 'send') throw new Error(`no message ${request} was recorded`);
    return new DataView(sent.bytes.buffer, sent.bytes.byteOffset + 12);
  };
  const available = body(9).getBigUint64(24, true);
  const table = body(5);
  for (let region = 0; region < table.getUint32(0, true); region++) {
    const [, size = 0n, user = 0n, offset = 0n] = [8, 16, 24, 32].map((at) =>
      table.getBigUint64(region * 32 + at, true),
    );
    if (available >= user && available < user + size) return Number(available - user + offset) + 2;
  }
  throw new Error('the ring lies in no region');
}

t.test('what makes a chain available is stored behind all else, in one piece', async (t) => {
  for (const memory of ['one-file', 'eight-regions']) {
    const text = [
      `r1 = connect\nr2 = negotiate device=0x150000000\nr3 = memory layout=${memory}\nr4 = share`,
      'r5 = ring size=16 avail=254\nr6 = attach',
      ...[7, 10, 13].map((n) => `r${n} = chain direct=0 ${readRequest}\nr${n + 1} = kick\nr${n + 2} = wait`),
    ].join('\n');
    const { steps } = await recordingOf(t, `${text}\n`, undefined);
    const at = availIdxIn(steps);
    const lasts = steps.flatMap((step, place) =>
      step.kind === 'signal' ? [steps.slice(0, place).findLast(({ kind }) => kind === 'store')] : [],
    );
    t.equal(lasts.length, 3);
    for (const last of lasts) {
      if (last?.kind !== 'store') throw new Error('a kick without a store');
      t.ok(last.offset >= at && last.offset + last.bytes.length <= at + 2, `${memory}: ${last.offset}, idx at ${at}`);
    }
    t.equal(lasts[1]?.kind === 'store' && lasts[1].bytes.length, 2, 'both bytes change where 255 becomes 256');
  }
});

for (const { text, fault, says, isHang } of programs) {
  t.test(
    `a C program shows ${fault}, and nothing without it: ${text.includes('packed') ? 'packed' : 'split'}`,
    async (t) => {
      const recording = await recordingOf(t, text, fault, isHang);
      const program = compiled(t, printC(recording, { about: [fault, 'a "*/" ends no comment'] }));
      const faulty = await shows(t, program, fault);
      t.equal(faulty.code, 1, faulty.said);
      t.match(faulty.said, says);
      const right = await shows(t, program, undefined);
      t.equal(right.code, 0, right.said);
      t.match(right.said, /the back-end answers\n$/);
      t.notMatch(right.said, /which is not what it was/);
    },
  );
}

t.test('a transfer that no longer completes is shown where messages are still answered', async (t) => {
  const { transfer, ...recording } = await recordingOf(t, begin, undefined, true);
  const { used } = transfer ?? {};
  if (transfer === undefined || used === undefined) throw new Error('no kick was recorded');
  t.equal(used.from, 1, 'the second request is the last one');
  const moving = compiled(t, printC({ ...recording, transfer }, { about: [] }));
  t.match(await shows(t, moving, undefined), { code: 0, said: /the back-end answers\n$/ });
  // The used idx is 2 and stays so: what is waited for does not come.
  const stuck = { ...transfer, used: { ...used, from: 2 } };
  const standing = compiled(t, printC({ ...recording, transfer: stuck }, { about: [] }));
  t.match(await shows(t, standing, undefined), { code: 1, said: /does not complete a transfer any more\n$/ });
});

t.test('every kind of thing and step compiles, and a back-end that is not there is exit 2', async (t) => {
  const text = [
    `${ring}r8 = kick`,
    'r9 = wait',
    'r10 = message request=99 descriptors=[{kind=eventfd} {kind=memory-file size=4096} {kind=region} {kind=null-device} {kind=pipe} {kind=socket}]',
    'r11 = signal event=r10 value=0x3',
    'r12 = memory-write region=1 offset=8 bytes=0102.00*64',
    'r13 = connect beside=yes',
    'r14 = change at=guest:memory(r3).0+4096 patterns=[{bytes=01020304} {bytes=05060708}] periodNs=1000',
    'r15 = settle',
    'r16 = bytes bytes=01.00*300',
    'r17 = disconnect how=shutdown-write',
    'r18 = reconnect',
    '',
  ].join('\n');
  const recording = await recordingOf(t, text, undefined);
  const kinds = new Set(recording.steps.map(({ kind }) => kind));
  for (const kind of [
    'note',
    'connect',
    'send',
    'receive',
    'shutdown',
    'close',
    'store',
    'signal',
    'await',
    'change',
    'settle',
  ] as const) {
    t.ok(kinds.has(kind), kind);
  }
  t.strictSame([...new Set(recording.things.map(({ kind }) => kind))].sort(), [
    'eventfd',
    'file',
    'null-device',
    'pipe',
    'socket',
  ]);
  const program = compiled(t, printC(recording, { about: [] }));
  const { code, said } = await shows(t, program, undefined);
  t.equal(code, 0, said);
  t.equal(spawnSync(program, [join(directory(t), 'none')]).status, 2);
  t.equal(spawnSync(program, []).status, 2);
  compiled(t, printC(recording, { about: [], isOneConnection: true }));
  compiled(t, printC({ things: [], sessions: 0, steps: [] }, { about: [] }));
});
