import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { bucketOf } from '../executor/bucket.ts';
import { Examiner } from '../executor/examiner.ts';
import { knownTarget } from '../judging/known-target.ts';
import { parseProgram } from '../program/parse-program.ts';
import { resolved } from '../program/references.ts';

function bucketWith(faults: readonly FaultName[], text: string, judgesChoices = false): string | undefined {
  const port = openReference({ device: 'block', deadlineMs: 1000, faults });
  try {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const target = knownTarget(port, contact.offer);
    const examiner = new Examiner(port, { target, referenceMeetsDeadline: () => true, judgesChoices });
    const finding = examiner.examine(resolved(parseProgram(text)));
    return finding === undefined ? undefined : bucketOf(finding, undefined);
  } finally {
    port.close();
  }
}

const begun = 'r1 = connect\nr2 = negotiate device=0x170006a00 protocol=0xa\nr3 = memory\nr4 = share\n';
const packedBegun = 'r1 = connect\nr2 = negotiate device=0x570006a00 protocol=0xa\nr3 = memory\nr4 = share\n';
const served = 'r8 = kick\nr9 = wait\n';
const read = 'segments=[{bytes=00*16} {writable=yes length=512} {writable=yes length=1}]';

const mixed = `${begun}r5 = ring\nr6 = attach\nr7 = chain ${read} direct=1\n${served}`;
const writable = `${begun}r5 = ring\nr6 = attach\nr7 = chain ${read} direct=0 tableFlags=2\n${served}`;
const packedWritable = `${packedBegun}r5 = ring layout=packed\nr6 = attach\nr7 = chain ${read} direct=0 tableFlags=2\n${served}`;
const toldAgain = `${begun}r5 = ring\nr6 = attach\nr7 = stop\nr10 = memory\nr11 = share\nr12 = ring avail=7\nr13 = attach\nr14 = chain ${read}\nr15 = kick\nr16 = wait\nr17 = stop\n`;

const logged = `r1 = connect
r2 = negotiate device=0x144000200 protocol=0xb
r3 = memory
r4 = share
r5 = ring
r6 = message request=6 fields=[{name=logSize value=0x40000} {name=logOffset value=0x1000}] descriptors=[{kind=memory-file size=0x41000}]
r7 = attach
r8 = chain ${read}
r9 = kick
r10 = wait
`;
const readInPart = `r1 = connect
r2 = negotiate device=0x140006a00 protocol=0x20a
r3 = message request=25 fields=[{name=size value=0x1} {name=offset value=0x20}] bytes=01
r4 = read-config offset=30 length=4
`;

const causes: readonly (readonly [fault: FaultName, text: string, bucket: string])[] = [
  ['indirect-after-direct-refused', mixed, 'model-indirect-direct-then-indirect-handled'],
  ['indirect-write-flag-heeded', writable, 'model-indirect-write-flag-ignored'],
  ['packed-indirect-write-flag-heeded', packedWritable, 'model-packed-indirect-write-flag-ignored'],
  ['table-keeps-regions-told-again', toldAgain, 'model-vu-memory-mem-table-replaces-regions'],
  ['log-offset-ignored', logged, 'model-vu-log-log-starts-at-file-offset'],
  ['config-offset-ignored', readInPart, 'model-vu-config-get-config-window-equals-whole'],
];

for (const [fault, text, bucket] of causes) {
  t.test(`what ${fault} makes of a request has the name of its cause`, async (t) => {
    t.equal(bucketWith([fault], text), bucket);
    t.equal(bucketWith([], text), undefined);
  });
}

t.test('what goes wrong in either way keeps its name', async (t) => {
  const ofIdentity = (how: string) =>
    `${begun}r5 = ring\nr6 = attach\nr7 = chain segments=[{bytes=08.00*15} {writable=yes length=20} {writable=yes length=1}]${how}\n${served}`;
  for (const how of ['', ' direct=0', ' direct=1', ' direct=1 tableFlags=2']) {
    t.equal(bucketWith(['used-len-zero'], ofIdentity(how)), 'model-split-used-len-counts-written-bytes', how);
  }
});

t.test('what breaks another rule in the other way keeps its name', async (t) => {
  const text = `${begun}r5 = ring
r6 = attach
r7 = chain segments=[{bytes=00} {length=17} {length=495} {writable=yes length=1}] direct=1
r8 = chain segments=[{bytes=00*16} {writable=yes length=1}] descending=yes
r9 = kick
r10 = stop
`;
  t.equal(bucketWith(['used-id-is-last-descriptor'], text), 'invariant-split-chain-used-once');
});

/** A chain that no kick told of is there when its ring stops, and a later life of the ring is served. */
const stoppedInFlight = `${begun}r5 = ring
r6 = attach
r7 = chain ${read}
r8 = stop
r9 = attach ring=r5
r10 = chain segments=[{bytes=00*8} {bytes=00*8} {writable=yes length=512} {writable=yes length=1}]
r11 = kick
r12 = wait
`;

t.test('what may have been in flight when a ring stopped breaks no invariant of a later life', async (t) => {
  const fault = 'used-id-is-last-descriptor';
  t.equal(
    bucketWith([fault], stoppedInFlight.replace('r8 = stop\nr9 = attach ring=r5\n', '')),
    'invariant-split-used-id-is-chain-head',
  );
  t.equal(bucketWith([fault], stoppedInFlight), undefined);
  t.equal(bucketWith([fault], stoppedInFlight, true), 'invariant-split-used-id-is-chain-head', 'but of our reference');
});
