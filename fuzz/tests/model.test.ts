import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { DriverPort } from '../../drivers/port/port.ts';
import { openMdevReference } from '../../drivers/reference/open-mdev-reference.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { anyProgram } from '../arbitraries/any-program.ts';
import { lawfulProgram } from '../arbitraries/lawful-program.ts';
import { bucketOf } from '../executor/bucket.ts';
import { Examiner } from '../executor/examiner.ts';
import { Executor } from '../executor/executor.ts';
import { knownTarget } from '../judging/known-target.ts';
import { configurationOf, modelTarget } from '../judging/model-target.ts';
import { type JudgedFinding, ProgramJudge } from '../judging/program-judge.ts';
import type { KnownTarget } from '../program/known-state.ts';
import { parseProgram } from '../program/parse-program.ts';
import { printProgram } from '../program/print-program.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';

function knownOf(port: DriverPort): KnownTarget {
  const contact = firstContacts(port);
  if (contact.kind !== 'served') throw new Error(contact.why);
  return { ...knownTarget(port, contact.offer), keepsChoices: true };
}

interface Judged {
  readonly findings: readonly JudgedFinding[];
  readonly judged: number;
  readonly calls: number;
}

/** Runs programs on a port, each with a model of its own. */
function judgeOn(port: DriverPort, judgesChoices = true): (program: Program) => Judged {
  const known = knownOf(port);
  const executor = new Executor(port);
  const { outcomes, made } = executor;
  const target = { ...modelTarget(known, port.facts, configurationOf(port, known)), judgesChoices };
  return (program) => {
    const judge = new ProgramJudge({ port, known, target, outcomes, made }, program);
    executor.run(program, (place) => judge.after(place));
    return { findings: judge.findings, judged: judge.judged, calls: program.calls.length };
  };
}

const textOf = (program: Program, findings: readonly JudgedFinding[]): string =>
  `${JSON.stringify(findings, undefined, 1)}\n${printProgram(program)}`;

for (const device of ['block', 'net', 'entropy'] as const) {
  for (const layout of ['split', 'packed'] as const) {
    t.test(`lawful programs agree with the model: ${device}, ${layout}`, (t) => {
      const port = openReference({ device, deadlineMs: 60_000 });
      const judge = judgeOn(port);
      let judged = 0;
      let calls = 0;
      fc.assert(
        fc.property(lawfulProgram({ device, layout }), (program) => {
          const result = judge(program);
          assert.deepEqual(result.findings, [], textOf(program, result.findings));
          judged += result.judged;
          calls += result.calls;
        }),
        // The share that is judged is that of these programs: a draw of ten others may have a third.
        { numRuns: 10, seed: 1 },
      );
      port.close();
      t.ok(judged > 0.5 * calls, `${judged} of ${calls} calls were judged`);
      t.end();
    });
  }
}

t.test('any program agrees with the model as far as it is lawful', (t) => {
  const port = openReference({ device: 'block', deadlineMs: 60_000 });
  const judge = judgeOn(port);
  fc.assert(
    fc.property(anyProgram, (program) => {
      const { findings } = judge(resolved(program));
      assert.deepEqual(findings, [], textOf(program, findings));
    }),
    { numRuns: 15 },
  );
  port.close();
  t.end();
});

t.test('a target says how many queues it has', (t) => {
  const ports = [
    [openReference({ device: 'block', queues: 3 }), 3],
    [openReference({ device: 'net', queues: 1 }), 4],
    [openMdevReference({ device: 'net', mode: 'l1', queues: 1 }), 2],
  ] as const;
  for (const [port, queues] of ports) {
    t.equal(knownOf(port).queues, queues, port.facts.name);
    port.close();
  }
  t.end();
});

t.test('of a network, rings are served once it has those of both directions', (t) => {
  const queue = { ...referenceRules.transport.queue, mayProcess: () => false };
  const transport = { ...referenceRules.transport, queue };
  const port = openReference({ device: 'net', deadlineMs: 1000, rules: { ...referenceRules, transport } });
  const judge = judgeOn(port);
  const begin = ['r1 = connect', 'r2 = negotiate', 'r3 = memory', 'r4 = share'];
  const transmit = [
    'r8 = ring',
    'r9 = attach index=1',
    'r10 = chain segments=[{bytes=00*26}]',
    'r11 = kick',
    'r12 = wait',
  ];
  const foundIn = (...lines: string[]) =>
    judge(resolved(parseProgram([...begin, ...lines].join('\n')))).findings.map(({ finding }) => finding.requirement);
  t.strictSame(foundIn(...transmit), []);
  t.strictSame(foundIn('r5 = attach', ...transmit), ['vu-ring-state/enabled-ring-handles-every-request']);
  port.close();
  t.end();
});

t.test('a transmit ring that is disabled has a requirement of its own', async (t) => {
  const port = openReference({ device: 'net', deadlineMs: 1000, faults: ['disabled-transmit-ring-left-alone'] });
  const text = `r1 = connect
r2 = negotiate device=0x140000000
r3 = memory
r4 = share
r5 = ring
r6 = ring
r7 = attach ring=r5
r8 = attach ring=r6 index=1
r9 = enable queue=r8 on=no
r10 = chain queue=r8 segments=[{bytes=00*72}]
r11 = kick queue=r8
r12 = wait queue=r8`;
  const { findings } = judgeOn(port)(resolved(parseProgram(text)));
  t.strictSame(
    findings.map(({ finding }) => finding.requirement),
    ['vu-ring-state/disabled-transmit-ring-discards-packets'],
  );
  port.close();
});

t.test('a ring is served where someone answers what its back-end asks for', async (t) => {
  const queue = { ...referenceRules.transport.queue, mayProcess: () => false };
  const transport = { ...referenceRules.transport, queue };
  const port = openReference({ device: 'block', deadlineMs: 1000, rules: { ...referenceRules, transport } });
  const foundWith = (channel: string, judgesChoices: boolean): readonly string[] => {
    const text = `r1 = connect
r2 = negotiate device=0x340000200 protocol=0x28
${channel}
r4 = memory
r5 = share
r6 = attach
r7 = chain segments=[{bytes=00*16} {writable=yes length=513}]
r8 = kick
r9 = wait`;
    const { findings } = judgeOn(port, judgesChoices)(resolved(parseProgram(text)));
    return findings.map(({ finding }) => finding.requirement);
  };
  const unserved = ['vu-ring-state/enabled-ring-handles-every-request'];
  t.strictSame(foundWith('r3 = channel', false), unserved);
  for (const channel of ['', 'r3 = channel policy=refuse']) {
    t.strictSame(foundWith(channel, false), [], 'a back-end may have forgotten what it was told');
    t.strictSame(foundWith(channel, true), unserved, 'our reference does not');
  }
  port.close();
});

t.test('marks are told of behind the last stop of a session of which something is claimed', (t) => {
  let page = 0n;
  /** Marks another page at each fence. */
  const messages = referenceRules.messages.map((entry): typeof entry => ({
    ...entry,
    handle: (session, value, context) => {
      if (entry.name === 'VHOST_USER_GET_FEATURES') session.marks.wrote(4096n * page++, 1);
      return entry.handle(session, value, context);
    },
  }));
  const port = openReference({ device: 'block', deadlineMs: 60_000, rules: { ...referenceRules, messages } });
  const judge = judgeOn(port);
  const foundIn = (...lines: readonly string[]) => {
    page = 0n;
    const begin = ['r1 = connect', 'r2 = negotiate device=0x144006a00 protocol=0xa', 'r3 = memory', 'r4 = share'];
    // Without MQ, a device need not serve its second ring.
    const rings = ['r5 = ring', 'r6 = ring', 'r7 = attach ring=r5', 'r8 = attach ring=r6 index=1'];
    const program = resolved(parseProgram([...begin, ...rings, ...lines, 'r30 = fence'].join('\n')));
    return judge(program).findings.map(({ finding }) => finding.requirement);
  };
  const log =
    'r20 = message request=6 fields=[{name=logSize value=0x40000}] descriptors=[{kind=memory-file size=0x40000}]';
  const chain = [
    'r10 = chain queue=r8 segments=[{bytes=00*16} {writable=yes length=513}]',
    'r11 = kick queue=r8',
    'r12 = wait queue=r8',
  ];
  const [first, second] = ['r21 = stop queue=r7', 'r22 = stop queue=r8'];
  const rule = 'vu-log/no-marks-after-rings-stopped';
  t.strictSame(foundIn(log, first, second), [rule], 'all rings are stopped');
  t.strictSame(foundIn(log, second, first), [rule], 'in another order');
  t.strictSame(foundIn(log, first), [], 'a ring runs that the device need not serve');
  t.strictSame(foundIn(log, first, second, 'r23 = ring', 'r24 = attach ring=r23 index=1'), [], 'one is started again');
  t.strictSame(foundIn(...chain, log, second, first), [], 'that ring was given a chain before there was a log');
  t.strictSame(foundIn(log, ...chain, second, first), [], 'or behind it');
  port.close();
  t.end();
});

t.test('a fault that only the model can see is found, and named by its requirement', (t) => {
  const port = openReference({ device: 'block', deadlineMs: 60_000, faults: ['block-unknown-request-done'] });
  const examiner = new Examiner(port, { target: knownOf(port), referenceMeetsDeadline: () => true });
  const text = 'r1 = chain segments=[{bytes=63.00*15} {writable=yes length=1}]\nr2 = kick\nr3 = wait';
  const program = resolved(parseProgram(text));
  const finding = examiner.examine(program);
  t.match(finding, { kind: 'model', requirement: 'blk/unknown-request-unsupported', expected: '2' });
  if (finding !== undefined) {
    t.equal(program.calls[finding.place]?.kind, 'wait');
    t.equal(bucketOf(finding, undefined), 'model-blk-unknown-request-unsupported');
  }
  t.equal(examiner.examine(resolved(parseProgram('r1 = fence'))), undefined);
  port.close();
  t.end();
});

/** Requests in flight on a ring that has not started, of an earlier back-end, and one request behind them. */
const takenOver = (device: string, ring: string): string => `r1 = connect
r2 = negotiate device=${device} protocol=0x1009
r3 = memory
r4 = share
r5 = ring ${ring}
r6 = message request=32 fields=[{name=mmapSize value=0x20000} {name=numQueues value=1} {name=queueSize value=16}] descriptors=[{kind=memory-file size=0x20000}]
r7 = attach order=without-kick
r8 = chain segments=[{bytes=00*16} {writable=yes length=513}]
r9 = chain segments=[{bytes=00*16} {writable=yes length=513}]
r10 = record event=r6 order=falling first=0x103
r11 = message request=12 descriptors=[{}]
r12 = kick
r13 = wait count=2
r14 = chain segments=[{bytes=00*16} {writable=yes length=513}]
r15 = kick
r16 = wait
r17 = stop`;

const split = takenOver('0x140000200', 'avail=65535');
const packed = takenOver('0x540000200', 'layout=packed avail=14');
const status = (value: string): string => `message request=39 fields=[{name=u64 value=${value}}]`;
const refusedFeatures = `r1 = connect
r2 = negotiate device=0x140000200 protocol=0x10009
r3 = message request=2 flags=9 fields=[{name=u64 value=0x1000000140000000}]
r4 = ${status('0xb')}
r5 = message request=40`;
const brokenRing = `r1 = connect
r2 = negotiate device=0x140000200 protocol=0x10009
r3 = memory
r4 = share
r5 = ring
r6 = attach
r7 = ${status('0xf')}
r8 = chain segments=[{bytes=00*16} {writable=yes length=513}]
r9 = ring-write area=driver offset=4 bytes=ffff
r10 = kick
r11 = wait count=0
r12 = message request=40`;
const withoutCall = `r1 = connect
r2 = negotiate device=0x140000200 protocol=0x9
r3 = memory
r4 = share
r5 = attach order=without-call
r6 = chain segments=[{bytes=00*16} {writable=yes length=513}]
r7 = kick
r8 = wait`;

/** A used ring whose idx is marked at the end of a page, and whose elements reach into the next one. */
const loggedAcrossPages = `r1 = connect
r2 = negotiate device=0x144000200 protocol=0xb
r3 = memory
r4 = share
r5 = ring
r6 = message request=6 fields=[{name=logSize value=0x40000}] descriptors=[{kind=memory-file size=0x40000}]
r7 = attach
r8 = message request=9 flags=9 fields=[{name=flags value=1} {name=descriptor value=user:ring(r5).descriptor} {name=available value=user:ring(r5).driver} {name=used value=user:ring(r5).device} {name=log value=0xffffff8}]
r9 = chain segments=[{bytes=00*16} {writable=yes length=513}]
r10 = kick
r11 = wait`;
const chainBeforeReady = `r1 = connect
r2 = negotiate device=0x140000200 protocol=0x10009
r3 = memory
r4 = share
r5 = attach enable=no
r6 = chain segments=[{bytes=00*16} {writable=yes length=513}]
r7 = enable
r8 = fence
r9 = wait count=0`;
const sentByTable = `r1 = connect
r2 = negotiate device=0x550000000 protocol=0x9
r3 = memory
r4 = share
r5 = ring layout=packed
r6 = ring layout=packed
r7 = attach ring=r5
r8 = attach ring=r6 index=1
r9 = chain queue=r8 segments=[{bytes=00*72}] direct=0 tableFlags=2
r10 = kick queue=r8
r11 = wait queue=r8`;

const shownBy: readonly (readonly [
  fault: FaultName,
  text: string,
  requirement: RequirementSlug,
  device?: 'block' | 'net',
])[] = [
  ['inflight-not-resubmitted', split, 'vu-ring-state/enabled-ring-handles-every-request'],
  ['inflight-not-resubmitted', packed, 'vu-inflight/requests-resubmitted-in-counter-order'],
  ['inflight-resubmitted-by-head', split, 'vu-inflight/requests-resubmitted-in-counter-order'],
  ['inflight-counter-begins-anew', split, 'vu-inflight/fetched-head-marked-with-rising-counter'],
  ['packed-inflight-counter-begins-anew', packed, 'vu-inflight/packed-descriptor-list-copied'],
  ['features-ok-always-kept', refusedFeatures, 'features/unacceptable-subset-refused'],
  ['needs-reset-never-raised', brokenRing, 'vu-status/get-status-returns-written-status'],
  ['ring-waits-for-call-message', withoutCall, 'vu-vring/ring-runs-without-call-and-err-messages'],
  ['log-marks-used-idx-only', loggedAcrossPages, 'vu-log/used-ring-writes-marked-with-ring-flag'],
  ['buffers-used-before-driver-ok', chainBeforeReady, 'status/no-buffers-before-driver-ok'],
  ['packed-used-write-flag-of-table-kept', sentByTable, 'packed/used-write-flag-tells-of-data', 'net'],
];

for (const [fault, text, requirement, device = 'block'] of shownBy) {
  t.test(`the model sees ${fault} in a program that shows nothing without it: ${requirement}`, (t) => {
    const foundWith = (faults: readonly FaultName[]): readonly string[] => {
      const port = openReference({ device, deadlineMs: 60_000, faults });
      const { findings } = judgeOn(port)(resolved(parseProgram(text)));
      port.close();
      return findings.map(({ finding }) => finding.requirement);
    };
    t.strictSame(foundWith([]), []);
    t.ok(foundWith([fault]).includes(requirement));
    t.end();
  });
}

t.test('the model sees that a doorbell of vhost-mdev tells of other rings', (t) => {
  const text = `r1 = connect
r2 = negotiate
r3 = memory
r4 = share
r5 = ring
r6 = ring
r7 = attach ring=r5
r8 = attach ring=r6 index=1
r9 = wait queue=r8
r10 = chain queue=r8 segments=[{bytes=00*72}]
r11 = kick queue=r7
r12 = wait queue=r8`;
  const foundWith = (faults: readonly FaultName[]): readonly string[] => {
    const port = openMdevReference({ device: 'net', mode: 'l1', deadlineMs: 60_000, faults });
    const { findings } = judgeOn(port)(resolved(parseProgram(text)));
    port.close();
    return findings.map(({ finding }) => finding.requirement);
  };
  t.strictSame(foundWith([]), []);
  t.strictSame(foundWith(['mdev-doorbell-notifies-all']), ['vm-notify/other-ring-is-not-served']);
  t.end();
});
