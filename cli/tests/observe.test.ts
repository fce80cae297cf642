import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  closeFd,
  eventfdCreate,
  ftruncate,
  memfdCreate,
  monotonicUs,
  POLLIN,
  pollOne,
  sendMessage,
  unixConnect,
} from '../../drivers/native/native.ts';
import type { Codec } from '../../reference-impl/wire/compile-layout.ts';
import { encodeMessage } from '../../reference-impl/wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE } from '../../reference-impl/wire/vhost-user-constants.ts';
import { type FrontEndMessageName, requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import {
  emptyPayload,
  memoryRegionsPayload,
  u64Payload,
  vringAddressPayload,
  vringDescriptorPayload,
  vringStatePayload,
} from '../../reference-impl/wire/vhost-user-payloads.ts';
import type { CaseRecord } from '../../reports/record/record.ts';
import { readRecords } from '../../reports/record/record-reader.ts';
import { runDirectory } from '../../reports/record/run-directory.ts';
import { type Ended, emptyDirectory, type Started, start as startProgram, until } from './command-line.ts';
import { sharedRun } from './shared-run.ts';

const scratch = emptyDirectory(t);

const start = (words: readonly string[]): Started => startProgram(words, { cwd: scratch });

/** Observes our own front-end while it runs these cases, and ends with Ctrl-C. */
async function observed(name: string, cases: readonly string[], more: readonly string[] = []): Promise<Ended> {
  const socket = join(scratch, `${name}.sock`);
  const out = join(scratch, name);
  const words = ['observe', '--listen', `suite=${socket}`, '--sectors', '2048', '--connections', '100000'];
  const observer = start([...words, '--out', out, ...more]);
  await until(() => existsSync(socket), 'the socket');
  const selected = cases.flatMap((id) => ['--case', id]);
  const narrow = ['--negotiation', 'minimal', '--reporter', 'json', '--out', `${out}-run`];
  const run = await sharedRun(['run', `vhost-user:${socket}`, ...selected, ...narrow], { cwd: scratch });
  t.equal(run.code, 0, 'the cases pass', { said: run.stderr });
  observer.child.kill('SIGINT');
  return await observer.ended;
}

const recordsOf = (name: string): readonly CaseRecord[] => readRecords(runDirectory(join(scratch, name)).results).cases;
const verdictOf = (name: string, requirement: string): string | undefined =>
  recordsOf(name).find(({ key }) => key === `observe/${requirement}`)?.verdict;

t.test('our own front-end and driver keep every rule in lawful cases', async (t) => {
  const lawful = ['flush-succeeds', 'queues-serve-beside-each-other'];
  const { code, stdout } = await observed(
    'lawful',
    lawful.map((id) => `virtio/block/${id}`),
  );
  t.equal(code, 0);
  t.match(stdout, /suite: \d+ requirements: \d+ not seen, \d+ pass, 0 fail/);
  t.equal(verdictOf('lawful', 'split/avail-idx-never-decreases'), 'pass');
  t.equal(verdictOf('lawful', 'packed/readable-before-writable'), 'pass');
  t.equal(verdictOf('lawful', 'vu-front-end/owner-set-before-set-up'), 'pass');
  t.equal(verdictOf('lawful', 'vu-front-end/iotlb-needs-access-platform'), 'not-applicable');
  t.equal(verdictOf('lawful', 'reference-serves-what-is-lawful'), 'pass');
  const page = readFileSync(join(scratch, 'lawful', 'report.html'), 'utf8');
  t.match(page, 'as front-end and driver');
  t.match(page, 'No findings on 1 target');
});

t.test('a driver that breaks a rule is found, with the trace around it', async (t) => {
  const { code, stdout } = await observed('unlawful', ['virtio/block/access-past-capacity-fails']);
  t.equal(code, 1);
  t.match(stdout, /blk\/driver-stays-within-capacity \(MUST NOT\): IN/);
  const [failed] = recordsOf('unlawful').filter(({ verdict }) => verdict === 'fail');
  t.equal(failed?.caseId, 'observe/blk/driver-stays-within-capacity');
  t.ok(failed?.findings[0]?.traceEvent !== undefined);
  t.ok(existsSync(join(scratch, 'unlawful', failed?.trace ?? 'none')));
  t.match(readFileSync(join(scratch, 'unlawful', 'report.html'), 'utf8'), 'front-end · under test');
});

t.test('what cannot be observed is said in a line, and leaves nothing', async (t) => {
  const alone = await start(['observe', '--listen', 'a.sock', '--time', '1', '--out', 'alone']).ended;
  t.equal(alone.code, 2);
  t.match(alone.stderr, 'no front-end connected');
  t.notOk(existsSync(join(scratch, 'alone')));
  t.notOk(existsSync(join(scratch, 'a.sock')));
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [['--listen', 'x=a.sock', '--listen', 'x=b.sock'], /x is there twice/],
    [['--listen', '.'], /exists already/],
    [['--listen', 'no/such/directory/a.sock'], /--listen: /],
    [['--listen', 'a.sock', '--wire', 'a=b', '--device', 'net'], /names two sockets/],
    [['--listen', 'a.sock', '--wire', 'a=b'], /for network devices/],
    [['--listen', 'a.sock', '--queues', '0'], /Not a number from 1 to 64/],
  ];
  for (const [words, expected] of refusals) {
    const { code, stderr } = await sharedRun(['observe', ...words], { cwd: scratch });
    t.equal(code, 2, words.join(' '));
    t.match(stderr, expected);
  }
});

/** A front-end that starts a ring in memory that it has made shorter. */
function shrinkingFrontEnd(socket: string): void {
  const connection = unixConnect(socket, { timeoutMs: 10_000 });
  const memory = memfdCreate('shrinking', 0x4000, { seal: false });
  const kick = eventfdCreate();
  const send = <Value>(
    name: FrontEndMessageName,
    codec: Codec<Value>,
    value: Value,
    descriptors: number[] = [],
  ): void => {
    const bytes = new Uint8Array(VHOST_USER_HEADER_SIZE + codec.sizeOf(value));
    encodeMessage(bytes, { request: requestId[name], payload: { codec, value } });
    const deadline = monotonicUs() + 10_000_000;
    sendMessage(connection, bytes, 0, bytes.length, Int32Array.from(descriptors), descriptors.length, deadline);
  };
  const region = { guestAddress: 0n, userAddress: 0x1_0000n, size: 0x4000n, mmapOffset: 0n };
  send('VHOST_USER_SET_OWNER', emptyPayload, {});
  send('VHOST_USER_SET_FEATURES', u64Payload, { u64: 1n << 32n });
  send('VHOST_USER_SET_MEM_TABLE', memoryRegionsPayload, { numRegions: 1, regions: [region] }, [memory]);
  send('VHOST_USER_SET_VRING_NUM', vringStatePayload, { index: 0, num: 16 });
  send('VHOST_USER_SET_VRING_ADDR', vringAddressPayload, {
    index: 0,
    flags: 0,
    descriptor: 0x1_0000n,
    available: 0x1_1000n,
    used: 0x1_2000n,
    log: 0n,
  });
  // Mapped by then: the answer comes behind the table.
  send('VHOST_USER_GET_FEATURES', emptyPayload, {});
  pollOne(connection, POLLIN, 10_000_000);
  ftruncate(memory, 0);
  send('VHOST_USER_SET_VRING_KICK', vringDescriptorPayload, { u64: 0n }, [kick]);
  for (const fd of [memory, kick]) closeFd(fd);
  pollOne(connection, POLLIN, 10_000_000);
  closeFd(connection);
}

t.test('memory that a front-end makes shorter is told of in the report', async (t) => {
  const socket = join(scratch, 'shrinks.sock');
  const observer = start(['observe', '--listen', socket, '--out', join(scratch, 'shrinks')]);
  await until(() => existsSync(socket), 'the socket');
  shrinkingFrontEnd(socket);
  const { code, stderr } = await observer.ended;
  t.equal(code, 2);
  t.match(stderr, /not served by the reference: shared memory: .* the file was made shorter/);
  t.equal(verdictOf('shrinks', 'reference-serves-what-is-lawful'), 'error');
  t.ok(existsSync(join(scratch, 'shrinks', 'report.html')));
});
