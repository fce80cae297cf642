import fc from 'fast-check';
import t from 'tap';
import { openMdevReference } from '../../drivers/reference/open-mdev-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { laidProgram } from '../arbitraries/lawful-program.ts';
import { plainChain } from '../arbitraries/lawful-step.ts';
import { setting } from '../arbitraries/setting.ts';
import { Examiner } from '../executor/examiner.ts';
import type { Finding } from '../executor/finding.ts';
import { knownTarget } from '../judging/known-target.ts';
import { parseProgram } from '../program/parse-program.ts';
import { resolved } from '../program/references.ts';

/** What a program shows of a device of vhost-mdev. */
function shown(mode: 'l1' | 'l2-strict', faults: readonly FaultName[], lines: readonly string[]): Finding | undefined {
  const port = openMdevReference({ device: 'block', mode, deadlineMs: 60_000, faults });
  try {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(contact.why);
    const target = knownTarget(port, contact.offer);
    const examiner = new Examiner(port, { target, referenceMeetsDeadline: () => true, judgesChoices: true });
    return examiner.examine(resolved(parseProgram(['r1 = connect', ...lines].join('\n'))));
  } finally {
    port.close();
  }
}

/** The messages GET_VRING_BASE of ring 0 and SET_VRING_BASE of ring 0 with 5. */
const getBase = '12af08c0.00*4.01000000.08000000.00*8';
const setBase = '12af0840.00*4.00*4.08000000.00*4.05000000';

const seen: readonly (readonly [
  name: string,
  mode: 'l1' | 'l2-strict',
  fault: FaultName,
  requirement: string,
  lines: readonly string[],
])[] = [
  [
    'a base that is told back',
    'l2-strict',
    'mdev-mistold-message-acted-on',
    'vm-rings/base-never-told-is-zero',
    [`r2 = region-write bytes=${setBase}.00`, `r3 = region-write bytes=${getBase}`, 'r4 = region-read'],
  ],
  [
    'an answer that is read once',
    'l1',
    'mdev-answer-stays',
    'vm-channel/answer-is-read-once',
    [`r3 = region-write bytes=${getBase}`, 'r4 = region-read', 'r5 = region-read'],
  ],
  [
    'a doorbell by which a device that has nothing to do is told of a chain',
    'l1',
    'mdev-fortieth-doorbell-lost',
    'vm-state/start-serves-rings',
    [
      'r2 = negotiate device=0x340000000',
      'r3 = memory',
      'r4 = share',
      'r5 = ring',
      'r6 = attach',
      ...Array.from({ length: 40 }, (_, n) => [
        `r${7 + 4 * n} = chain segments=[{bytes=00*16} {writable=yes length=513}]`,
        `r${8 + 4 * n} = kick`,
        `r${9 + 4 * n} = wait`,
        `r${10 + 4 * n} = fence`,
      ]).flat(),
    ],
  ],
  [
    'what is told of a region',
    'l2-strict',
    'mdev-region-info-tells-index-zero',
    'vm-regions/index-is-repeated',
    ['r2 = device-call call=region index=1'],
  ],
  [
    'flags of SET_IRQS',
    'l1',
    'mdev-mask-taken',
    'vm-irq/mask-and-unmask-refused',
    ['r2 = device-call call=set-interrupts flags=9 count=1'],
  ],
  [
    'a doorbell of no queue',
    'l2-strict',
    'mdev-unknown-queue-taken',
    'vm-notify/unknown-queue-refused',
    ['r2 = region-write region=1 bytes=ffffffff'],
  ],
  [
    'a mapping where one is',
    'l2-strict',
    'mdev-mapping-twice-taken',
    'vm-memory/l2-mapping-twice-refused',
    ['r2 = container-call', 'r3 = container-call'],
  ],
  [
    'configuration space',
    'l1',
    'mdev-config-space-of-another-type',
    'vm-identity/config-space-tells-device-type',
    ['r2 = region-read region=7 length=64'],
  ],
  [
    'a device that is reset',
    'l1',
    'mdev-reset-keeps-rings',
    'vm-rings/base-never-told-is-zero',
    [
      `r2 = region-write bytes=${setBase}`,
      'r3 = device-call call=reset',
      `r4 = region-write bytes=${getBase}`,
      'r5 = region-read',
    ],
  ],
];

for (const [name, mode, fault, requirement, lines] of seen) {
  t.test(`of vhost-mdev the model judges ${name}`, (t) => {
    t.equal(shown(mode, [], lines), undefined);
    t.match(shown(mode, [fault], lines), { kind: 'model', requirement });
    t.end();
  });
}

t.test('a burst has a device rest ahead of each kick', (t) => {
  const [chosen] = fc.sample(setting, { numRuns: 1, seed: 1 });
  const [chain] = fc.sample(plainChain, { numRuns: 1, seed: 1 });
  if (chosen === undefined || chain === undefined) throw new Error('nothing was drawn');
  const shape = { device: 'block', layout: 'split', transport: 'vhost-mdev' } as const;
  const steps = [{ kind: 'burst', chain, times: 45, waits: 'rest' }] as const;
  const { calls } = laidProgram(shape, { chosen: { ...chosen, size: 16, kicksByStore: false }, steps });
  const kinds = calls.map(({ kind }) => kind).filter((kind) => ['chain', 'kick', 'wait', 'fence'].includes(kind));
  t.strictSame(kinds.slice(0, 180), Array.from({ length: 45 }, () => ['chain', 'kick', 'wait', 'fence']).flat());
  t.end();
});
