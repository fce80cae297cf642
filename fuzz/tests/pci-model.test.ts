import t from 'tap';
import { openPciReference } from '../../drivers/reference/open-pci-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { LawfulDraw } from '../arbitraries/lawful-draw.ts';
import { Examiner } from '../executor/examiner.ts';
import type { Finding } from '../executor/finding.ts';
import { knownTarget } from '../judging/known-target.ts';
import { Random } from '../mutators/random.ts';
import { parseProgram } from '../program/parse-program.ts';
import { resolved } from '../program/references.ts';

function withFunction<Value>(
  device: 'block' | 'net' | 'entropy',
  faults: readonly FaultName[],
  use: (examiner: Examiner) => Value,
): Value {
  const port = openPciReference({ device, deadlineMs: 60_000, faults });
  try {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const target = knownTarget(port, contact.offer);
    return use(new Examiner(port, { target, referenceMeetsDeadline: () => true, judgesChoices: true }));
  } finally {
    port.close();
  }
}

const shown = (faults: readonly FaultName[], lines: readonly string[]): Finding | undefined =>
  withFunction('block', faults, (examiner) => examiner.examine(resolved(parseProgram(lines.join('\n')))));

const begun = ['r1 = connect', 'r2 = negotiate device=0x14300000a00', 'r3 = memory', 'r4 = share'];
const transfer = [
  'r5 = ring',
  'r6 = attach call=no',
  'r7 = chain segments=[{bytes=08.00*15} {writable=yes length=20} {writable=yes length=1}]',
  'r8 = kick',
];

const seen: readonly (readonly [fault: FaultName, requirement: string, lines: readonly string[]])[] = [
  ['pci-vendor-of-its-own', 'pci/vendor-id', ['r10 = pci-read place=space length=256']],
  [
    'pci-queue-selector-wraps',
    'pci/queue-size-zero-for-missing-queue',
    ['r10 = pci-write place=common offset=22 bytes=ffff', 'r11 = pci-read place=common offset=24 length=2'],
  ],
  [
    'pci-window-writes-one-byte',
    'pci/config-access-writes-bar',
    [
      'r10 = pci-read',
      'r11 = pci-window place=common offset=22 length=2 bytes=0101',
      'r12 = pci-read place=common offset=22 length=2',
    ],
  ],
  [
    'pci-isr-stays',
    'pci/isr-clears-on-read',
    [...transfer, 'r10 = pci-read place=isr length=1', 'r11 = pci-read place=isr length=1'],
  ],
  [
    'pci-queue-sets-configuration-bit',
    'pci/isr-queue-bit-before-interrupt',
    [...transfer, 'r10 = pci-read place=isr length=1'],
  ],
];

for (const [fault, requirement, lines] of seen) {
  t.test(`accesses show ${fault}, and nothing without it`, (t) => {
    t.match(shown([fault], [...begun, ...lines]), { kind: 'model', requirement });
    t.equal(shown([], [...begun, ...lines]), undefined);
    t.end();
  });
}

t.test('a status that no driver writes ends what is claimed of interrupts', (t) => {
  const lines = ['r10 = status value=255', 'r11 = pci-read place=isr length=1'];
  t.equal(shown([], [...begun, ...transfer, ...lines]), undefined);
  t.end();
});

t.test('a size that no driver writes is not taken for the largest one', (t) => {
  const select = 'pci-write place=common offset=22 bytes=0100';
  const read = 'pci-read place=common offset=24 length=2';
  const size = [`r10 = ${select}`, 'r11 = pci-write place=common offset=24 bytes=0000', `r12 = ${read}`];
  t.equal(shown([], [...begun, ...size, 'r13 = status value=0', `r14 = ${select}`, `r15 = ${read}`]), undefined);
  t.end();
});

for (const device of ['block', 'net', 'entropy'] as const) {
  t.test(`programs that are drawn show nothing: ${device} over virtio-pci`, (t) => {
    withFunction(device, [], (examiner) => {
      const draw = new LawfulDraw(examiner.target);
      const random = new Random(7);
      for (let n = 0; n < 40; n++) t.equal(examiner.examine(resolved(draw.next(random) ?? { calls: [] })), undefined);
    });
    t.end();
  });
}
