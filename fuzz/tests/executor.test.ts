import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import type { DriverPort } from '../../drivers/port/port.ts';
import { openMdevReference } from '../../drivers/reference/open-mdev-reference.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import { isServing } from '../../judging/liveness.ts';
import { anyProgram } from '../arbitraries/any-program.ts';
import { bucketOf } from '../executor/bucket.ts';
import { Examiner } from '../executor/examiner.ts';
import { Executor } from '../executor/executor.ts';
import { knownTarget } from '../judging/known-target.ts';
import { parseProgram } from '../program/parse-program.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';

const corpus = fileURLToPath(new URL('../../../fixtures/corpus/', import.meta.url));
const seed = (name: string): Program => resolved(parseProgram(readFileSync(`${corpus}${name}.txt`, 'utf8')));

function withPort<P extends DriverPort>(port: P, use: (port: P) => void): void {
  try {
    use(port);
  } finally {
    port.close();
  }
}

function examinerOf(port: DriverPort): Examiner {
  const contact = firstContacts(port);
  if (contact.kind !== 'served') throw new Error(contact.why);
  return new Examiner(port, { target: knownTarget(port, contact.offer), referenceMeetsDeadline: () => true });
}

/** Waits of a device of this process end when it has nothing to do: a busy machine must not end them. */
const deadlineMs = 60_000;

const references = {
  block: () => openReference({ device: 'block', deadlineMs }),
  net: () => openReference({ device: 'net', deadlineMs }),
} as const;

for (const device of ['block', 'net'] as const) {
  for (const layout of ['split', 'packed'] as const) {
    t.test(`${device} on ${layout} rings: each chain is used, and each wait sees a call`, (t) => {
      withPort(references[device](), (port) => {
        const program = seed(`${device}-${layout}`);
        const executor = new Executor(port);
        executor.run(program);
        const { outcomes } = executor;
        t.equal(outcomes.count, program.calls.length);
        let used = 0;
        for (const [place, call] of program.calls.entries()) {
          t.notMatch(outcomes.classOf(place), /skipped|full|silent|refused|closed|malformed|died/, call.kind);
          used += outcomes.usedCountOf(place);
          if (call.kind === 'wait') t.ok((outcomes.callsOf(place) ?? 0) > 0);
        }
        t.equal(used, program.calls.filter(({ kind }) => kind === 'chain').length);
        t.ok(isServing(port));
      });
      t.end();
    });
  }
}

t.test('messages: acknowledged, answered, fenced, and refused by a descriptor count', (t) => {
  withPort(references.block(), (port) => {
    const executor = new Executor(port);
    executor.run(
      resolved(
        parseProgram(
          [
            'r1 = connect',
            'r2 = message request=1',
            'r3 = message request=16 fields=[{name=u64 value=0x8}]',
            'r4 = message request=2 flags=9 fields=[{name=u64 value=0x140000000}]',
            'r5 = message request=8 flags=9 fields=[{name=index value=0xff}]',
            'r6 = reconnect',
            'r7 = fence',
            'r8 = message request=1 truncate=5',
            'r9 = fence',
          ].join('\n'),
        ),
      ),
    );
    const { outcomes } = executor;
    t.strictSame(
      [...Array(outcomes.count).keys()].map((place) => outcomes.classOf(place)),
      ['made', 'answered', 'fenced', 'acknowledged', 'refused', 'made', 'fenced', 'silent', 'silent'],
    );
    t.equal(outcomes.bytesOf(1)?.length, 8);
    t.equal(outcomes.valueOf(4) === 0n, false);
  });
  t.end();
});

t.test('every program executes, and the reference serves behind it', (t) => {
  for (const open of [references.block, () => openMdevReference({ device: 'block', mode: 'l2-strict', deadlineMs })]) {
    withPort(open(), (port) => {
      const examiner = examinerOf(port);
      fc.assert(
        fc.property(anyProgram, (program) => {
          const finding = examiner.examine(resolved(program));
          assert.equal(finding, undefined);
        }),
        { numRuns: 25 },
      );
      port.releaseAll();
      t.ok(isServing(port));
    });
  }
  t.end();
});

t.test('a fault that breaks a ring invariant is found in a lawful program, and not behind a taint', (t) => {
  withPort(openReference({ device: 'block', deadlineMs, faults: ['used-len-of-id-is-a-sector'] }), (port) => {
    const examiner = examinerOf(port);
    const program = seed('block-split');
    const finding = examiner.examine(program);
    t.match(finding, { kind: 'invariant', requirement: 'split/used-len-bytes-written' });
    if (finding !== undefined) {
      t.equal(bucketOf(finding, program.calls[finding.place]), 'invariant-split-used-len-bytes-written');
    }
    const tainted = resolved(
      parseProgram(
        'r1 = ring-write offset=9000 bytes=00\nr2 = chain segments=[{bytes=08.00*15} {writable=yes length=20} {writable=yes length=1}]\nr3 = kick\nr4 = wait',
      ),
    );
    t.equal(examiner.examine(tainted), undefined);
  });
  t.end();
});

t.test('a ring that is attached again with chains outstanding begins afresh', (t) => {
  const begin =
    'r1 = connect\nr2 = negotiate device=0x540000000\nr3 = memory\nr4 = share\nr5 = ring layout=packed\nr6 = attach\n';
  for (const layout of ['split', 'packed'] as const) {
    const head =
      layout === 'packed' ? begin : begin.replace('0x540000000', '0x140000000').replace(' layout=packed', '');
    const request = 'chain segments=[{bytes=08.00*15} {writable=yes length=20} {writable=yes length=1}]';
    const again = [
      `${head}r7 = ${request}\nr8 = stop\nr9 = attach\nr10 = kick\nr11 = ${request}\nr12 = kick\nr13 = wait\n`,
      `${head}r7 = ${request}\nr8 = kick\nr9 = wait\nr10 = reconnect\nr11 = negotiate device=0x540000000\nr12 = share\nr13 = attach\nr14 = kick\n`,
    ];
    withPort(references.block(), (port) => {
      const examiner = examinerOf(port);
      for (const text of again) t.equal(examiner.examine(resolved(parseProgram(text))), undefined);
    });
  }
  t.end();
});

t.test(
  'what is asked of a queue whose ring was attached anew is not done: its elements belong to the newer one',
  (t) => {
    withPort(references.block(), (port) => {
      const request = '{bytes=00*16} {writable=yes length=512} {writable=yes length=1}';
      const program = resolved(
        parseProgram(
          `r1 = connect\nr2 = negotiate\nr3 = memory\nr4 = share\nr5 = ring\nr6 = attach\nr7 = stop\nr8 = attach
r9 = chain queue=r8 segments=[${request}]\nr10 = kick queue=r8\nr11 = wait queue=r6\nr12 = wait queue=r8\n`,
        ),
      );
      const examiner = examinerOf(port);
      t.equal(examiner.examine(program), undefined);
      const placeOf = (id: number): number => program.calls.findIndex((call) => call.id === id);
      t.equal(examiner.outcomes.classOf(placeOf(11)), 'skipped');
      t.equal(examiner.outcomes.usedCountOf(placeOf(12)), 1);
    });
    t.end();
  },
);

t.test('a ring that begins with chains outstanding goes on without them', (t) => {
  withPort(references.block(), (port) => {
    const executor = new Executor(port);
    for (const [features, ring] of [
      ['0x540000000', 'layout=packed usedWrap=no'],
      ['0x140000000', 'avail=5 used=3'],
    ] as const) {
      const lines = [
        'r1 = connect',
        `r2 = negotiate device=${features}`,
        'r3 = memory',
        'r4 = share',
        `r5 = ring ${ring}`,
      ];
      const again = ['r6 = attach', 'r7 = stop', 'r8 = attach', 'r9 = wait count=0'];
      executor.run(resolved(parseProgram([...lines, ...again].join('\n'))));
      t.equal(executor.outcomes.classOf(8), 'answered');
      t.equal(executor.outcomes.usedCountOf(8), 0, ring);
    }
  });
  t.end();
});

t.test('a device that hangs or crashes is found, at the call that does it', (t) => {
  const cases = [
    [
      'avail-idx-jump-hangs',
      'r1 = attach\nr2 = ring-write area=driver offset=2 bytes=ff7f\nr3 = kick\nr4 = fence',
      'hang',
      'fence',
    ],
    [
      'long-indirect-table-crashes',
      `r1 = connect\nr2 = negotiate device=0x150000000\nr3 = chain direct=0 segments=[${'{writable=yes length=1} '.repeat(20)}]\nr4 = kick\nr5 = fence`,
      'crash',
      'fence',
    ],
  ] as const;
  for (const [fault, text, kind, at] of cases) {
    withPort(openReference({ device: 'block', deadlineMs, faults: [fault] }), (port) => {
      const examiner = examinerOf(port);
      const program = resolved(parseProgram(text));
      const finding = examiner.examine(program);
      t.match(finding, { kind });
      t.equal(program.calls[finding?.place ?? -1]?.kind, at, fault);
      t.ok(examiner.restart());
      t.equal(examiner.examine(seed('block-split')), undefined, 'it serves again');
    });
  }
  t.end();
});

t.test('a leak is found by repeating the program', (t) => {
  withPort(openReference({ device: 'block', deadlineMs, faults: ['refused-message-leaks-descriptors'] }), (port) => {
    const examiner = examinerOf(port);
    const leaks = resolved(parseProgram('r1 = connect\nr2 = message request=99 descriptors=[{kind=eventfd}]'));
    t.match(examiner.leakOf(leaks), { kind: 'leak', held: 'descriptors', what: /eventfd/ });
    t.equal(examiner.leakOf(seed('block-split')), undefined);
  });
  t.end();
});

t.test('a crash belongs to the call that ends a process alone, and not to an earlier one that ended a session', (t) => {
  const faults = ['other-enable-value-crashes'] as const;
  const closes = 'r1 = connect\nr2 = message request=2 flags=0\nr3 = reconnect\n';
  const ends = 'message request=18 fields=[{name=num value=0x2}]\n';
  withPort(openReference({ device: 'block', deadlineMs, faults }), (port) => {
    const examiner = examinerOf(port);
    for (const text of [`${closes}r4 = ${ends}`, `${closes}r4 = ${ends}r5 = reconnect\nr6 = ${ends}`]) {
      const program = resolved(parseProgram(text));
      const finding = examiner.examine(program);
      t.equal(examiner.outcomes.classOf(1), 'closed', 'what came of the calls is still that of the whole program');
      t.match(finding, { kind: 'crash', place: 3 });
      if (finding !== undefined)
        t.match(bucketOf(finding, program.calls[finding.place]), /^crash-.*VHOST-USER-SET-VRING-ENABLE$/);
      t.ok(examiner.restart());
    }
  });
  t.end();
});

t.test('a crash is named by what the process said, without numbers', (t) => {
  const stderr = "x: ../block/io.c:2123: bdrv_drain_end: Assertion `bs->quiesce_counter > 0' failed.\n";
  const finding = { kind: 'crash', place: 0, exit: { signal: 'SIGABRT', stderr } } as const;
  t.equal(bucketOf(finding, undefined), 'crash-SIGABRT-bdrv-drain-end-bs-quiesce-counter-0');
  const silent = { kind: 'crash', place: 0, exit: { signal: 'SIGSEGV' } } as const;
  t.equal(bucketOf(silent, seed('messages').calls[1]), 'crash-SIGSEGV-VHOST-USER-GET-FEATURES');
  t.end();
});
