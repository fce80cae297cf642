import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import type { DriverPort } from '../../drivers/port/port.ts';
import { openMdevReference } from '../../drivers/reference/open-mdev-reference.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { openVdpaReference } from '../../drivers/reference/open-vdpa-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { anyProgram } from '../arbitraries/any-program.ts';
import { LawfulDraw } from '../arbitraries/lawful-draw.ts';
import { lawfulProgram } from '../arbitraries/lawful-program.ts';
import { Examiner } from '../executor/examiner.ts';
import { knownTarget } from '../judging/known-target.ts';
import { mutant } from '../mutators/mutant.ts';
import { Random } from '../mutators/random.ts';
import { isJudged } from '../program/lawfulness.ts';
import { parseProgram } from '../program/parse-program.ts';
import { printProgram } from '../program/print-program.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';

/** Waits of a device of this process end when it has nothing to do: a busy machine must not end them. */
const deadlineMs = 60_000;

const references = {
  block: () => openReference({ device: 'block', deadlineMs }),
  net: () => openReference({ device: 'net', deadlineMs }),
  entropy: () => openReference({ device: 'entropy', deadlineMs }),
  'block over vhost-mdev L1': () => openMdevReference({ device: 'block', mode: 'l1', deadlineMs }),
  'net over vhost-mdev L2': () => openMdevReference({ device: 'net', mode: 'l2-strict', deadlineMs }),
  'block over vhost-mdev L2, as coded': () => openMdevReference({ device: 'block', mode: 'l2-faithful', deadlineMs }),
  'block over vhost-vdpa': () => openVdpaReference({ device: 'block', deadlineMs }),
  'net over vhost-vdpa': () => openVdpaReference({ device: 'net', deadlineMs }),
} as const satisfies Record<string, () => DriverPort>;
type ReferenceName = keyof typeof references;
const names = Object.keys(references) as ReferenceName[];

function withExaminer(open: () => DriverPort, use: (examiner: Examiner) => void): void {
  const port = open();
  try {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const target = knownTarget(port, contact.offer);
    // The mistakes of the text of layout L2 are no choices of ours.
    const judgesChoices = !port.facts.name.includes('faithful');
    use(new Examiner(port, { target, referenceMeetsDeadline: () => true, judgesChoices }));
  } finally {
    port.close();
  }
}

function findsNothing(examiner: Examiner, program: Program): void {
  const whole = resolved(program);
  assert.equal(examiner.examine(whole), undefined, printProgram(whole));
}

/** Each was once held against the reference. */
const innocent: readonly (readonly [name: string, reference: ReferenceName, lines: readonly string[]])[] = [
  [
    'what a disabled transmit ring still holds when it is enabled is sent',
    'net',
    [
      'r1 = connect',
      'r2 = negotiate device=0x140000000 protocol=0x9',
      'r3 = memory',
      'r4 = share',
      'r5 = ring',
      'r6 = ring',
      'r7 = attach ring=r5',
      'r8 = attach ring=r6 index=1',
      'r9 = chain queue=r7 segments=[{writable=yes length=1600}]',
      'r10 = kick queue=r7',
      'r11 = enable queue=r8 on=no',
      'r12 = chain queue=r8 segments=[{bytes=00*10} {bytes=00*62}] held=yes',
      'r13 = enable queue=r8',
      'r14 = chain queue=r8 segments=[{bytes=00*72}]',
      'r15 = kick queue=r8',
      'r16 = wait queue=r8 count=2',
      'r17 = wait queue=r7 count=0',
    ],
  ],
  [
    'a chain that was not available when its ring was disabled is discarded',
    'net',
    [
      'r1 = connect',
      'r2 = negotiate device=0x140000000 protocol=0x9',
      'r3 = memory',
      'r4 = share',
      'r5 = ring',
      'r6 = ring',
      'r7 = attach ring=r5',
      'r8 = attach ring=r6 index=1',
      'r9 = chain queue=r7 segments=[{writable=yes length=1600}]',
      'r10 = kick queue=r7',
      'r11 = chain queue=r8 segments=[{bytes=00*26}] held=yes',
      'r12 = enable queue=r8 on=no',
      'r13 = chain queue=r8 segments=[{bytes=00*9} {bytes=00*17}]',
      'r14 = kick queue=r8',
      'r15 = wait queue=r8',
      'r16 = stop queue=r7',
    ],
  ],
  [
    'a ring that the device need not serve writes to the disk all the same',
    'block',
    [
      'r1 = connect',
      'r2 = negotiate device=0x140000200 protocol=0x9',
      'r3 = memory',
      'r4 = share',
      'r5 = ring',
      'r6 = ring',
      'r7 = attach ring=r5',
      'r8 = attach ring=r6 index=1',
      'r9 = chain queue=r7 segments=[{bytes=00*16} {writable=yes length=513}]',
      'r10 = kick queue=r7',
      'r11 = wait queue=r7',
      'r12 = chain queue=r8 segments=[{bytes=01.00*15.77*512} {writable=yes length=1}]',
      'r13 = kick queue=r8',
      'r14 = chain queue=r7 segments=[{bytes=00*16} {writable=yes length=513}]',
      'r15 = kick queue=r7',
      'r16 = wait queue=r7',
    ],
  ],
  [
    'the driver answers a miss while it tells a translation',
    'block',
    [
      'r1 = connect',
      'r2 = negotiate device=0x340000200 protocol=0x829',
      'r3 = channel',
      'r4 = memory',
      'r5 = share untold=yes',
      'r6 = ring',
      'r7 = attach ring=r6',
      'r8 = chain segments=[{bytes=00*16 access=read} {writable=yes length=512 access=write} {writable=yes length=1}]',
      'r9 = kick',
      'r10 = chain segments=[{bytes=00*16 access=read} {writable=yes length=513 access=write}]',
      'r11 = wait count=1',
      'r12 = read-config offset=1 length=3',
    ],
  ],
  [
    'a move over a whole packed ring passes no event of its other round',
    'block over vhost-vdpa',
    [
      'r1 = connect',
      'r2 = negotiate device=0x720000200',
      'r3 = memory layout=single-region',
      'r4 = share',
      'r5 = ring layout=packed size=4',
      'r6 = attach ring=r5',
      'r7 = ask after=1',
      'r8 = chain segments=[{bytes=00*8} {bytes=00*8} {writable=yes length=512} {writable=yes length=1}]',
      'r9 = kick',
      'r10 = wait',
      'r11 = chain segments=[{bytes=00*8} {bytes=00*8} {writable=yes length=512} {writable=yes length=1}]',
      'r12 = kick',
      'r13 = wait',
    ],
  ],
  [
    'a connection that was opened beside another one is judged no more',
    'entropy',
    [
      'r1 = connect',
      'r2 = connect',
      'r3 = reconnect session=r1',
      'r4 = negotiate session=r3 device=0x160000000 protocol=0x4db02b',
      'r5 = memory',
      'r6 = share session=r3',
      'r7 = ring',
      'r8 = attach session=r3',
      'r9 = stop',
      'r10 = reconnect session=r2',
      'r11 = attach session=r3',
      'r12 = message session=r3 request=6 fields=[{name=logSize value=0x40000}] descriptors=[{kind=memory-file size=0x40000}]',
      'r13 = message session=r3 request=2 fields=[{name=u64 value=0x164000000}]',
      'r14 = chain segments=[{writable=yes length=100}]',
      'r15 = kick',
      'r16 = wait',
    ],
  ],
  [
    'memory that is added to a session takes its translations along',
    'entropy',
    [
      'r1 = connect',
      'r2 = negotiate device=0x370000000 protocol=0x8029',
      'r3 = memory',
      'r4 = share',
      'r5 = ring',
      'r6 = attach ring=r5',
      'r7 = message request=37 fields=[{name=guestAddress value=0x7000001000} {name=size value=0x1000} {name=userAddress value=0x6f0000001000}] descriptors=[{kind=memory-file}]',
      'r8 = chain segments=[{writable=yes length=16}]',
      'r9 = kick',
      'r10 = wait',
    ],
  ],
  [
    'a buffer of a ring that stopped lies nowhere',
    'block',
    ['r1 = stop', 'r2 = chain segments=[{at=0x0}]', 'r3 = kick', 'r4 = wait count=0'],
  ],
  [
    'calls go to the queue that has the index now',
    'net',
    [
      'r1 = connect',
      'r2 = negotiate device=0x140008000 protocol=0x9',
      'r3 = memory',
      'r4 = share',
      'r5 = ring',
      'r6 = attach ring=r5',
      'r7 = stop',
      'r8 = ring',
      'r9 = ring',
      'r10 = attach ring=r8',
      'r11 = attach ring=r9 index=1',
      'r12 = message request=13 descriptors=[{}]',
      'r13 = chain queue=r10 segments=[{writable=yes length=128}]',
      'r14 = kick queue=r10',
      'r15 = chain queue=r11 segments=[{bytes=00*72}]',
      'r16 = kick queue=r11',
      'r17 = wait queue=r11',
      'r18 = message request=13 descriptors=[{}]',
      'r19 = wait queue=r10 count=0',
    ],
  ],
  [
    'memory that is mapped is not mapped once more',
    'net over vhost-mdev L2',
    [
      'r1 = attach',
      'r2 = ring',
      'r3 = attach index=1',
      'r4 = share',
      'r5 = chain segments=[{bytes=00*26}]',
      'r6 = kick',
      'r7 = wait',
    ],
  ],
  [
    'a ring that is put in use starts its device',
    'net over vhost-mdev L2',
    [
      'r1 = attach index=1',
      'r2 = region-write bytes=70af0840.00*8.08.00*11',
      'r3 = enable',
      'r4 = chain segments=[{bytes=00}]',
      'r5 = kick',
      'r6 = wait',
    ],
  ],
  [
    'a queue whose index another ring has since is stopped no more',
    'block',
    [
      'r1 = connect',
      'r2 = negotiate device=0x140000000 protocol=0x8229',
      'r3 = memory',
      'r4 = share',
      'r5 = ring',
      'r6 = attach ring=r5',
      'r7 = stop',
      'r8 = ring avail=24',
      'r9 = attach ring=r8',
      'r10 = stop queue=r6',
    ],
  ],
  [
    'a ring that a reset stopped is asked where it goes on',
    'block',
    [
      'r1 = connect',
      'r2 = negotiate device=0x140000000 protocol=0x10000',
      'r3 = memory',
      'r4 = share',
      'r5 = ring avail=24',
      'r6 = attach ring=r5',
      'r7 = message request=39 fields=[{name=u64 value=0x0}]',
      'r8 = stop queue=r6',
    ],
  ],
  [
    'a message that is sent in pieces is one message',
    'block',
    ['r1 = message request=15 piece=1', 'r2 = message request=1 piece=13'],
  ],
  [
    'a split ring that was made and not attached is not written by the device',
    'block',
    ['r1 = attach', 'r2 = ring size=2 avail=3 used=259', 'r3 = kick', 'r4 = stop queue=r1'],
  ],
  [
    'a packed ring that was made and not attached is not written by the device',
    'block',
    ['r1 = attach', 'r2 = ring layout=packed usedWrap=no', 'r3 = kick', 'r4 = stop queue=r1'],
  ],
  [
    'a ring whose memory was replaced is served no more',
    'block',
    ['r1 = attach', 'r2 = memory', 'r3 = share', 'r4 = chain segments=[{bytes=00*16} {writable=yes length=513}]'],
  ],
  [
    'a receive ring that was not kicked has no buffers for a frame',
    'net',
    [
      'r1 = connect',
      'r2 = negotiate device=0x140008000',
      'r3 = memory',
      'r4 = share',
      'r5 = ring',
      'r6 = ring',
      'r7 = attach ring=r5',
      'r8 = attach ring=r6 index=1',
      'r9 = chain queue=r7 segments=[{writable=yes length=1600}]',
      'r10 = chain queue=r8 segments=[{bytes=00*72}]',
      'r11 = kick queue=r8',
      'r12 = wait queue=r8',
      'r13 = stop queue=r7',
    ],
  ],
  [
    'a frame that finds no room may keep the ones behind it waiting',
    'net',
    [
      'r1 = connect',
      'r2 = negotiate device=0x140008000',
      'r3 = memory',
      'r4 = share',
      'r5 = ring',
      'r6 = ring',
      'r7 = attach ring=r5',
      'r8 = attach ring=r6 index=1',
      'r9 = chain queue=r7 segments=[{writable=yes length=16}]',
      'r10 = chain queue=r7 segments=[{writable=yes length=16}]',
      'r11 = kick queue=r7',
      'r12 = chain queue=r8 segments=[{bytes=00*72}]',
      'r13 = chain queue=r8 segments=[{bytes=00*26}]',
      'r14 = kick queue=r8',
      'r15 = wait queue=r8 count=2',
      'r16 = stop queue=r7',
    ],
  ],
  [
    'a translation for a buffer on a session that asks for none is answered as it may be',
    'block',
    ['r1 = chain segments=[{bytes=00 access=write} {access=none}]'],
  ],
  [
    'a device with a status waits for DRIVER_OK',
    'block',
    ['r1 = negotiate protocol=0x10000', 'r2 = chain segments=[{bytes=00*16} {writable=yes length=513}]'],
  ],
  [
    'a session beside the first one writes to the same disk',
    'block',
    [
      'r1 = connect',
      'r22 = negotiate',
      'r2 = chain segments=[{bytes=01.00*15.aa*512} {writable=yes length=1}]',
      'r3 = kick',
      'r4 = wait',
      'r5 = connect beside=yes',
      'r6 = disconnect session=r1',
      'r7 = negotiate',
      'r8 = share',
      'r9 = ring',
      'r10 = attach',
      'r11 = chain segments=[{bytes=01.00*15.bb*512} {writable=yes length=1}]',
      'r12 = kick',
      'r13 = wait',
      'r14 = connect',
      'r15 = negotiate',
      'r16 = share',
      'r17 = ring',
      'r18 = attach',
      'r19 = chain segments=[{bytes=00*16} {writable=yes length=513}]',
    ],
  ],
  [
    'protocol features that were not offered are not accepted',
    'block',
    [
      'r1 = negotiate protocol=0x8',
      'r2 = message request=16 fields=[{name=u64 value=0xffffffffffffffff}]',
      'r3 = share',
    ],
  ],
  [
    'an acknowledgement refuses a request without its feature that has an answer',
    'block',
    ['r1 = negotiate protocol=0x8', 'r2 = message request=36 flags=9'],
  ],
  [
    'an eventfd takes any number',
    'block',
    ['r1 = message request=12 descriptors=[{}]', 'r2 = signal value=0xffffffffffffffff'],
  ],
  [
    'a kick for a ring that waits for translations, and whose memory went, is survived',
    'block',
    ['r1 = attach', 'r2 = negotiate device=0x7fffffffffffffff', 'r3 = memory', 'r4 = share', 'r5 = kick'],
  ],
  [
    'a ring that was reset is started by no kick descriptor',
    'block',
    [
      'r1 = negotiate protocol=0x2008',
      'r2 = attach',
      'r3 = message request=34',
      'r4 = message request=12 flags=9 descriptors=[{}]',
    ],
  ],
  [
    'a ring of vhost-mdev that is enabled once more goes on with what was added meanwhile',
    'block over vhost-mdev L1',
    [
      'r1 = attach',
      'r2 = stop',
      'r3 = chain segments=[{bytes=00*16} {writable=yes length=513}]',
      'r4 = enable',
      'r5 = stop',
    ],
  ],
  [
    'two sessions with a mediated device have one device',
    'block over vhost-mdev L2, as coded',
    [
      'r1 = attach',
      'r2 = connect beside=yes',
      'r3 = disconnect',
      'r4 = chain segments=[{bytes=00*16} {writable=yes length=513}]',
    ],
  ],
  [
    'an index of a ring has 32 bits',
    'block',
    ['r1 = negotiate protocol=0x8', 'r2 = message request=11 flags=9 fields=[{name=index value=0x8000000000000000}]'],
  ],
  [
    'a ring outlives the session that another one took the place of',
    'block',
    ['r1 = connect', 'r2 = attach', 'r3 = reconnect session=r1', 'r4 = attach'],
  ],
  [
    'a message in pieces is no fence',
    'block',
    [
      'r1 = negotiate protocol=0x8008',
      'r2 = message request=37 flags=9 bytes=00 descriptors=[{kind=memory-file}] piece=5',
    ],
  ],
  [
    'a message of vhost-mdev with a payload of another size is refused',
    'block over vhost-mdev L1',
    ['r1 = message request=1 bytes=00'],
  ],
  [
    'a ring that was disabled is enabled by a message as well',
    'entropy',
    [
      'r1 = negotiate protocol=0x8',
      'r2 = attach',
      'r3 = enable on=no',
      'r4 = chain segments=[{writable=yes length=20}]',
      'r5 = kick',
      'r6 = message request=18 fields=[{name=num value=1}]',
    ],
  ],
  [
    'a field that a driver wrote may be as at first behind another negotiation',
    'block',
    [
      'r1 = connect',
      'r2 = negotiate device=0x140006a00 protocol=0x208',
      'r3 = message request=25 fields=[{name=size value=1} {name=offset value=0x20}] bytes=00',
      'r4 = message request=2 flags=9 fields=[{name=u64 value=0x140006a00}]',
      'r5 = read-config length=60',
    ],
  ],
  [
    'rings behind a negotiation that failed are not judged',
    'net over vhost-vdpa',
    [
      'r1 = negotiate',
      'r2 = ring',
      'r3 = ring',
      'r4 = attach ring=r2',
      'r5 = attach index=1 ring=r3',
      'r6 = chain queue=r4 segments=[{writable=yes length=72}]',
      'r7 = kick',
      'r8 = chain segments=[{bytes=00*10.dd}]',
    ],
  ],
  [
    'slots of a packed ring that chains of an earlier life keep are not free',
    'entropy',
    [
      'r1 = negotiate device=0x540000000',
      'r2 = ring layout=packed size=2 avail=1 used=0',
      'r3 = attach',
      'r4 = chain segments=[{writable=yes length=20}]',
      'r5 = chain segments=[{writable=yes length=20}]',
      'r6 = kick',
      'r7 = wait count=2',
    ],
  ],
  [
    'a call descriptor that comes without a fence may come late',
    'net',
    [
      'r1 = connect',
      'r2 = negotiate device=0x970008008',
      'r3 = ring',
      'r4 = ring',
      'r5 = attach ring=r3 call=no',
      'r6 = attach index=1 ring=r4',
      'r7 = message request=13 descriptors=[{}] unfenced=yes',
      'r8 = chain queue=r5 segments=[{writable=yes length=128}]',
      'r9 = chain queue=r6 segments=[{bytes=00*12.525400000002.525400000001.88b5.00*50}]',
      'r10 = kick queue=r6',
      'r11 = wait queue=r5',
    ],
  ],
  [
    'a record of a ring that used nothing may not have begun',
    'entropy',
    [
      'r1 = connect',
      'r2 = negotiate device=0x770000000 protocol=0x5029',
      'r3 = channel',
      'r4 = memory',
      'r5 = share untold=yes',
      'r6 = ring layout=packed placement=apart',
      'r7 = message request=32 fields=[{name=mmapSize value=0x20000} {name=numQueues value=1} {name=queueSize value=16}] descriptors=[{kind=memory-file size=0x20000}]',
      'r8 = attach',
      'r9 = stop',
    ],
  ],
  [
    'what was used before the used ring was logged is not marked',
    'block',
    [
      'r1 = connect',
      'r2 = negotiate device=0x144006a00 protocol=0xa',
      'r3 = memory',
      'r4 = share',
      'r5 = ring',
      'r6 = message request=6 fields=[{name=logSize value=0x20000}] descriptors=[{kind=memory-file size=0x20000}]',
      'r7 = attach',
      'r8 = chain segments=[{bytes=00*16} {writable=yes length=513}]',
      'r9 = kick',
      'r10 = message request=9 flags=9 fields=[{name=descriptor value=user:ring(r5).descriptor} {name=available value=user:ring(r5).driver} {name=used value=user:ring(r5).device} {name=flags value=1} {name=log value=guest:ring(r5).device+16384}]',
      'r11 = wait',
    ],
  ],
  [
    'behind features as they are told, each fence has its own answer',
    'block',
    [
      'r1 = negotiate exact=yes',
      'r2 = attach',
      'r3 = enable on=no',
      'r4 = chain segments=[{bytes=00*16} {writable=yes length=16}]',
    ],
  ],
  [
    'what was used before there was a call descriptor is not called for',
    'block',
    [
      'r1 = negotiate device=0xd50006a00',
      'r2 = ring layout=packed',
      'r3 = attach call=no',
      'r4 = chain segments=[{bytes=00*16} {writable=yes length=513}]',
      'r5 = kick',
      'r6 = fence',
      'r7 = message request=13 descriptors=[{}]',
      'r8 = wait',
    ],
  ],
  [
    'protocol features that are an address may end acknowledging',
    'entropy',
    [
      'r1 = negotiate protocol=0x1f02b',
      'r2 = ring',
      'r3 = message request=16 flags=9 fields=[{name=u64 value=io:ring(r2).driver-16}]',
    ],
  ],
];

for (const [name, reference, lines] of innocent) {
  t.test(name, (t) => {
    withExaminer(references[reference], (examiner) => {
      findsNothing(examiner, parseProgram([...lines, 'r20 = kick', 'r21 = wait'].join('\n')));
    });
    t.end();
  });
}

for (const name of names) {
  t.test(`any program: ${name}`, (t) => {
    withExaminer(references[name], (examiner) => {
      fc.assert(
        fc.property(anyProgram, (program) => findsNothing(examiner, program)),
        { numRuns: 50 },
      );
    });
    t.end();
  });
}

const corpus = fileURLToPath(new URL('../../../fixtures/corpus/', import.meta.url));

for (const name of names.filter((name) => name !== 'entropy')) {
  t.test(`mutants of the corpus: ${name}`, (t) => {
    const device = name.startsWith('block') ? 'block' : 'net';
    const files = readdirSync(corpus).filter((file) => file.startsWith(device));
    const seeds = files.map((file) => parseProgram(readFileSync(`${corpus}${file}`, 'utf8')));
    withExaminer(references[name], (examiner) => {
      fc.assert(
        fc.property(fc.integer(), fc.nat(seeds.length - 1), (seed, at) => {
          findsNothing(examiner, mutant(new Random(seed), seeds[at] as Program, seeds));
        }),
        { numRuns: 50 },
      );
    });
    t.end();
  });
}

for (const name of names) {
  t.test(`lawful programs: ${name}`, (t) => {
    const device = name.startsWith('block') ? 'block' : name.startsWith('net') ? 'net' : 'entropy';
    withExaminer(references[name], (examiner) => {
      for (const layout of ['split', 'packed'] as const) {
        fc.assert(
          fc.property(lawfulProgram({ device, layout }), (program) => findsNothing(examiner, program)),
          { numRuns: 10 },
        );
      }
    });
    t.end();
  });
}

for (const name of names) {
  t.test(`programs that are drawn: ${name}`, (t) => {
    withExaminer(references[name], (examiner) => {
      const draw = new LawfulDraw(examiner.target);
      const random = new Random(5);
      for (let n = 0; n < 60; n++) findsNothing(examiner, draw.next(random) ?? { calls: [] });
    });
    t.end();
  });
}

const transfer = ['r7 = chain segments=[{bytes=00*16} {writable=yes length=513}]', 'r8 = kick', 'r9 = wait'];
const untainting: readonly (readonly [name: string, open: () => DriverPort, lines: readonly string[]])[] = [
  [
    'a request that has no meaning, and was refused',
    references.block,
    ['r1 = connect', 'r2 = negotiate protocol=0x8', 'r3 = message request=200 flags=9'],
  ],
  ['a reset, where the session has none', references.block, ['r1 = connect', 'r2 = negotiate', 'r3 = reset']],
  [
    'a second session with a device that takes one',
    references['block over vhost-mdev L1'],
    [
      'r1 = connect',
      'r2 = connect beside=yes',
      'r3 = negotiate session=r1',
      'r4 = memory',
      'r5 = share session=r1',
      'r6 = attach session=r1',
    ],
  ],
];

for (const [name, open, lines] of untainting) {
  t.test(`what leaves the device as it was ends no judging: ${name}`, (t) => {
    withExaminer(open, (examiner) => {
      const program = resolved(parseProgram([...lines, ...transfer].join('\n')));
      t.equal(examiner.examine(program), undefined);
      const { outcomes, standings } = examiner;
      t.equal(outcomes.classOf(program.calls.length - 1), 'answered');
      t.ok(isJudged(standings.at(-1) as (typeof standings)[number]));
      t.ok(standings.every(({ taints }) => taints === undefined));
    });
    t.end();
  });
}

t.test('a device that ends a session without VERSION_1 may do so', (t) => {
  const featureRules = { ...referenceRules.features, isIncompatible: () => true };
  withExaminer(
    () => openReference({ device: 'block', deadlineMs, rules: { ...referenceRules, features: featureRules } }),
    (examiner) => {
      const closed = { kind: 'model', requirement: 'vu-close/connection-closed-only-for-grave-errors' };
      for (const exact of ['', ' exact=yes']) {
        const negotiate = (device: string): Program =>
          resolved(parseProgram(`r1 = negotiate device=${device}${exact}`));
        t.equal(examiner.examine(negotiate('0x40000000')), undefined);
        t.match(examiner.examine(negotiate('0x140000000')), closed);
      }
    },
  );
  t.end();
});

t.test('behind a request that was refused, a fault is still found; behind one that was taken, it is not', (t) => {
  withExaminer(
    () => openReference({ device: 'block', deadlineMs, faults: ['used-len-of-id-is-a-sector'] }),
    (examiner) => {
      const wrong = 'r7 = chain segments=[{bytes=08.00*15} {writable=yes length=20} {writable=yes length=1}]';
      const behind = (message: string): Program =>
        resolved(
          parseProgram(
            ['r1 = connect', 'r2 = negotiate protocol=0x8', message, wrong, 'r8 = kick', 'r9 = wait'].join('\n'),
          ),
        );
      t.match(examiner.examine(behind('r3 = message request=200 flags=9')), { kind: 'invariant' });
      t.equal(examiner.examine(behind('r3 = message request=200')), undefined);
    },
  );
  t.end();
});
