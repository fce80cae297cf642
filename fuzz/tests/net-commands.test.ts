import t from 'tap';
import { openVdpaReference } from '../../drivers/reference/open-vdpa-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { Examiner } from '../executor/examiner.ts';
import { knownTarget } from '../judging/known-target.ts';
import { parseProgram } from '../program/parse-program.ts';
import { resolved } from '../program/references.ts';

/** MAC, CTRL_VQ, CTRL_RX, CTRL_RX_EXTRA, CTRL_MAC_ADDR, VERSION_1, ACCESS_PLATFORM, VQ_NOTF_COAL. */
const features = '0x10000300960020';
const station = '02.00*4.0a';
const promiscuousOff = '000000';
/** What is not for the station is dropped. */
const oneUnicast = [promiscuousOff, '000200', '000400'] as const;
const ofAllUnicast = '000201';

/** Commands one after another, and a frame to a station, with a buffer in which it may come. */
function programOf(commands: readonly string[], configuration: number): string {
  const beginning = [
    'connect',
    `negotiate device=${features}`,
    'memory',
    'share',
    ...['ring', 'ring', 'ring'],
    ...[0, 1, 2].map((index) => `attach ring=r${5 + index} index=${index}`),
    `read-config length=${configuration}`,
  ];
  const told = commands.flatMap((bytes) => [
    `chain queue=r10 segments=[{bytes=${bytes}} {writable=yes length=9}]`,
    'kick queue=r10',
    'wait queue=r10',
  ]);
  const sent = [
    'read-config length=6',
    'chain queue=r8 segments=[{writable=yes length=1600}]',
    'kick queue=r8',
    `chain queue=r9 segments=[{bytes=00*12.${station}.02.00*4.0b.88b5.00*46}]`,
    'kick queue=r9',
    'wait queue=r9',
    'fence',
    'wait queue=r8 count=0',
    ...['stop queue=r8', 'stop queue=r9', 'stop queue=r10'],
  ];
  return [...beginning, ...told, ...sent].map((call, at) => `r${at + 1} = ${call}`).join('\n');
}

function foundWith(faults: readonly FaultName[], commands: readonly string[], pairs = 1): string | undefined {
  const port = openVdpaReference({ device: 'net', deadlineMs: 60_000, faults, queues: pairs, hasControlQueue: true });
  try {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const target = knownTarget(port, contact.offer);
    const examiner = new Examiner(port, { target, referenceMeetsDeadline: () => true, judgesChoices: true });
    const finding = examiner.examine(resolved(parseProgram(programOf(commands, pairs === 1 ? 6 : 24))));
    return finding?.kind === 'model' ? finding.requirement : finding?.kind;
  } finally {
    port.close();
  }
}

const parametersOfReceive = '0602.0000.0000.08000000.32000000';

const shownBy: readonly (readonly [fault: FaultName, requirement: RequirementSlug, commands: readonly string[]])[] = [
  ['net-other-unicast-addresses-received', 'net/other-mac-addresses-dropped', oneUnicast],
  [
    'net-all-unicast-has-no-effect',
    'net/all-unicast-delivers-unicast',
    [promiscuousOff, '000300', '000400', ofAllUnicast],
  ],
  [
    'net-all-unicast-beats-no-unicast',
    'net/no-unicast-overrides-all-unicast',
    [promiscuousOff, ofAllUnicast, '000401'],
  ],
  [
    'net-mac-table-grows',
    'net/other-mac-addresses-dropped',
    [promiscuousOff, '000200', '000400', `0100.01000000.${station}.00*4`, '0100.00*8'],
  ],
  ['net-command-address-is-not-shown', 'net/config-mac-updated-before-used', [`0101.${station}`]],
  [
    'net-coalescing-limits-one',
    'net/failed-queue-coalescing-set-yields-err',
    ['0602.0000.0000.ffffffff.ffffffff', '0603.0000.0000'],
  ],
  [
    'net-coalescing-reserved-refused',
    'net/coalescing-reserved-field-ignored',
    [parametersOfReceive, '0602.0000.0100.08000000.32000000'],
  ],
  ['net-coalescing-of-any-queue', 'net/coalescing-wrong-queue-yields-err', ['0603.0200.0000']],
];

for (const [fault, requirement, commands] of shownBy) {
  t.test(`commands show ${fault}, and nothing without it: ${requirement}`, (t) => {
    t.equal(foundWith([], commands), undefined);
    t.equal(foundWith([fault], commands), requirement);
    t.end();
  });
}

t.test('of two pairs, the control queue is the third without VIRTIO_NET_F_RSS, and its fields are judged', (t) => {
  t.equal(foundWith([], oneUnicast, 2), undefined);
  t.equal(foundWith(['net-other-unicast-addresses-received'], oneUnicast, 2), 'net/other-mac-addresses-dropped');
  t.equal(foundWith(['net-rss-table-too-small'], [], 2), 'net/rss-max-table-length-minimum');
  t.end();
});

/** Frames of one flow, each sent on a pair behind a command that brings so many pairs into use. */
function onPairs(faults: readonly FaultName[], told: readonly (readonly [pairs: number, pair: number])[]) {
  const port = openVdpaReference({ device: 'net', deadlineMs: 60_000, faults, queues: 2, hasControlQueue: true });
  try {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const indices = [0, 1, 2, 3, 4];
    const [rings, queues] = [5, 10];
    const control = `r${queues + 4}`;
    const begin = [
      'connect',
      // With VIRTIO_NET_F_MQ.
      `negotiate device=0x10000300d60020`,
      'memory',
      'share',
      ...indices.map(() => 'ring'),
      ...indices.map((index) => `attach ring=r${rings + index} index=${index}`),
    ];
    const frames = told.flatMap(([pairs, pair], n) => {
      const transmit = `r${queues + 2 * pair + 1}`;
      const receiving = [`r${queues}`, `r${queues + 2}`];
      return [
        `chain queue=${control} segments=[{bytes=0400.0${pairs}00} {writable=yes length=1}]`,
        `kick queue=${control}`,
        `wait queue=${control}`,
        ...receiving.flatMap((queue) => [
          `chain queue=${queue} segments=[{writable=yes length=1600}]`,
          `kick queue=${queue}`,
        ]),
        `chain queue=${transmit} segments=[{bytes=00*12.ff*6.${station}.88b5.00*45.0${n}}]`,
        `kick queue=${transmit}`,
        `wait queue=${transmit}`,
        'fence',
        ...receiving.map((queue) => `wait queue=${queue} count=0`),
      ];
    });
    const program = [...begin, ...frames].map((call, at) => `r${at + 1} = ${call}`).join('\n');
    const target = knownTarget(port, contact.offer);
    const examiner = new Examiner(port, { target, referenceMeetsDeadline: () => true, judgesChoices: true });
    const finding = examiner.examine(resolved(parseProgram(program)));
    return finding?.kind === 'model' ? finding.requirement : finding?.kind;
  } finally {
    port.close();
  }
}

const upAndDown = [
  [2, 0],
  [2, 1],
  [1, 0],
  [2, 1],
] as const;

const pairsShown: readonly (readonly [fault: FaultName, requirement: RequirementSlug])[] = [
  ['net-flow-stays-where-it-began', 'net/flow-returns-on-matching-queue'],
  ['net-flows-come-on-first-queue', 'net/flow-returns-on-matching-queue'],
  ['net-lower-pair-count-ignored', 'net/queues-beyond-pair-count-unused'],
];

for (const [fault, requirement] of pairsShown) {
  t.test(`frames on two pairs show ${fault}, and nothing without it: ${requirement}`, (t) => {
    t.equal(onPairs([], upAndDown), undefined);
    t.equal(onPairs([fault], upAndDown), requirement);
    t.end();
  });
}

t.test('a driver that sends on a pair which is not in use ends the judging of frames', (t) => {
  t.equal(onPairs(['net-lower-pair-count-ignored'], [[1, 1], ...upAndDown]), undefined);
  t.end();
});

t.test('a queue whose ring is not known may be in use', (t) => {
  const attached = (session: number) =>
    [0, 1, 2].map((index) => `attach session=r${session} ring=r${5 + index} index=${index}`);
  const calls = [
    'connect',
    `negotiate device=${features}`,
    'memory',
    'share',
    ...['ring', 'ring', 'ring'],
    'ring-write ring=r6 bytes=01',
    'reconnect session=r1',
    `negotiate session=r9 device=${features}`,
    'share session=r9',
    ...attached(9),
    'chain queue=r14 segments=[{bytes=0603.0100.0000} {writable=yes length=9}]',
    'kick queue=r14',
    'wait queue=r14',
  ];
  const port = openVdpaReference({ device: 'net', deadlineMs: 60_000, queues: 2, hasControlQueue: true });
  const contact = firstContacts(port);
  if (contact.kind !== 'served') throw new Error(contact.why);
  const target = knownTarget(port, contact.offer);
  const examiner = new Examiner(port, { target, referenceMeetsDeadline: () => true, judgesChoices: true });
  const program = calls.map((call, at) => `r${at + 1} = ${call}`).join('\n');
  t.equal(examiner.examine(resolved(parseProgram(program))), undefined);
  port.close();
  t.end();
});
