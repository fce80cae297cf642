import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { lawfulProgram } from '../arbitraries/lawful-program.ts';
import { Examiner } from '../executor/examiner.ts';
import type { Finding } from '../executor/finding.ts';
import { parseProgram } from '../program/parse-program.ts';
import { resolved } from '../program/references.ts';

/** What the examiner finds in a program on a block reference. */
function found(text: string, faults: readonly FaultName[] = []): Finding | undefined {
  const port = openReference({ device: 'block', deadlineMs: 60_000, faults });
  try {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const target = { transport: 'vhost-user', device: 'block', offer: contact.offer } as const;
    return new Examiner(port, { target, referenceMeetsDeadline: () => true, judgesChoices: true }).examine(
      resolved(parseProgram(text)),
    );
  } finally {
    port.close();
  }
}

const begin = 'r1 = connect\nr2 = negotiate protocol=0x1e26b\n';
/** A fault, a program that shows it, and the requirement that the model names. */
const shown: readonly (readonly [FaultName, string, string])[] = [
  [
    'set-vring-num-acknowledged-with-one',
    'r3 = message request=8 flags=9 fields=[{name=num value=0x10}]\nr4 = message request=8 flags=9 fields=[{name=num value=0x10}]',
    'vu-reply-ack/success-is-zero',
  ],
  [
    'set-owner-answered-twice',
    'r3 = message request=3 flags=9\nr4 = message request=3 flags=9\nr5 = fence',
    'vu-header/reply-repeats-request-number',
  ],
  [
    'set-vring-err-unanswered',
    'r3 = message request=14 flags=9 descriptors=[{}]\nr4 = message request=14 flags=9 descriptors=[{}]',
    'vu-reply-ack/need-reply-answered-with-u64',
  ],
  [
    'set-vring-num-undersized-taken',
    'r3 = message request=8 flags=9 bytes=00000000',
    'vu-header/undersized-payload-refused',
  ],
  [
    'set-log-base-undersized-taken',
    'r3 = message request=6 flags=9 bytes=0010.00*6 descriptors=[{kind=memory-file size=0x1000}]',
    'vu-header/undersized-payload-refused',
  ],
  [
    'config-write-one-byte-more',
    [
      'r3 = negotiate device=0x140000a00 protocol=0x1e26b',
      'r4 = read-config length=60',
      'r5 = message request=25 flags=9 fields=[{name=offset value=32} {name=size value=1} {name=flags value=1}] bytes=00',
      'r6 = read-config offset=30 length=10',
    ].join('\n'),
    'vu-config/set-config-writes-its-window',
  ],
  [
    'block-writeback-without-flush',
    'r3 = negotiate device=0x140000800 protocol=0x1e26b\nr4 = read-config length=36',
    'blk/writeback-zero-without-flush',
  ],
  ['need-reply-echoed', 'r3 = message request=17 flags=9', 'vu-header/reply-has-no-other-flags'],
  ['block-size-of-520-bytes', 'r3 = read-config length=32', 'blk/block-size-power-of-two'],
  [
    'unknown-byte-order-accepted',
    'r3 = message request=23 flags=9 fields=[{name=num value=2}]',
    'vu-vring/unknown-byte-order-refused',
  ],
  ['version-1-not-offered', 'r3 = message request=1', 'reserved/version-1-offered'],
  [
    'status-without-acknowledge',
    'r3 = message request=39 fields=[{name=u64 value=0x1}]\nr4 = message request=40',
    'vu-status/get-status-returns-written-status',
  ],
  [
    'unoffered-features-accepted',
    'r3 = message request=2 flags=9 fields=[{name=u64 value=0x2000140000000}]',
    'vu-features/unoffered-features-refused',
  ],
];

for (const [fault, calls, requirement] of shown) {
  t.test(`the model sees ${fault} and is silent without it`, (t) => {
    t.match(found(begin + calls, [fault]), { kind: 'model', requirement });
    t.equal(found(begin + calls), undefined);
    t.end();
  });
}

t.test('buffers that are used before DRIVER_OK are seen', (t) => {
  const text =
    'r1 = connect\nr2 = negotiate protocol=0x10001\nr3 = chain segments=[{bytes=04.00*15} {writable=yes length=1}]\nr4 = share\nr5 = wait';
  t.match(found(text, ['buffers-used-before-driver-ok']), {
    kind: 'model',
    requirement: 'status/no-buffers-before-driver-ok',
  });
  t.equal(found(text), undefined);
  t.end();
});

t.test('what no text states is judged only where that is asked for', (t) => {
  const port = openReference({ device: 'block', deadlineMs: 60_000, faults: ['need-reply-echoed'] });
  const contact = firstContacts(port);
  if (contact.kind !== 'served') throw new Error(contact.why);
  const target = { transport: 'vhost-user', device: 'block', offer: contact.offer } as const;
  const examiner = new Examiner(port, { target, referenceMeetsDeadline: () => true });
  t.equal(examiner.examine(resolved(parseProgram(`${begin}r3 = message request=17 flags=9`))), undefined);
  port.close();
  t.end();
});

t.test('lawful programs tell messages of many kinds', (t) => {
  const requests = new Set<number>();
  for (const { calls } of fc.sample(lawfulProgram({ device: 'block', layout: 'split' }), { numRuns: 150, seed: 3 })) {
    for (const call of calls) if (call.kind === 'message') requests.add(call.request);
  }
  assert.ok(requests.size > 20, `${requests.size} requests`);
  t.end();
});
