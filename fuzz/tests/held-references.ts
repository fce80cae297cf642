import assert from 'node:assert/strict';
import t from 'tap';
import type { DriverPort } from '../../drivers/port/port.ts';
import { openMdevReference } from '../../drivers/reference/open-mdev-reference.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { openVdpaReference } from '../../drivers/reference/open-vdpa-reference.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import { Examiner } from '../executor/examiner.ts';
import { knownTarget } from '../judging/known-target.ts';
import { parseProgram } from '../program/parse-program.ts';
import { printProgram } from '../program/print-program.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';

/** Waits of a device of this process end when it has nothing to do: a busy machine must not end them. */
export const deadlineMs = 60_000;

export const references = {
  block: () => openReference({ device: 'block', deadlineMs }),
  net: () => openReference({ device: 'net', deadlineMs }),
  entropy: () => openReference({ device: 'entropy', deadlineMs }),
  'block over vhost-mdev L1': () => openMdevReference({ device: 'block', mode: 'l1', deadlineMs }),
  'net over vhost-mdev L2': () => openMdevReference({ device: 'net', mode: 'l2-strict', deadlineMs }),
  'block over vhost-mdev L2, as coded': () => openMdevReference({ device: 'block', mode: 'l2-faithful', deadlineMs }),
  'net over vhost-mdev L1': () => openMdevReference({ device: 'net', mode: 'l1', deadlineMs }),
  'block over vhost-vdpa': () => openVdpaReference({ device: 'block', deadlineMs }),
  'net over vhost-vdpa': () => openVdpaReference({ device: 'net', deadlineMs }),
} as const satisfies Record<string, () => DriverPort>;
export type ReferenceName = keyof typeof references;
export const referenceNames = Object.keys(references) as ReferenceName[];

export function withExaminer(open: () => DriverPort, use: (examiner: Examiner) => void): void {
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

export function findsNothing(examiner: Examiner, program: Program): void {
  const whole = resolved(program);
  assert.equal(examiner.examine(whole), undefined, printProgram(whole));
}

/** A program that keeps to the text, or shows nothing, and was once held against the reference. */
export type InnocentProgram = readonly [name: string, reference: ReferenceName, lines: readonly string[]];

const negotiated = (features: string): readonly string[] => ['r1 = connect', `r2 = negotiate ${features}`.trimEnd()];

/** How programs begin: a session with its memory, r1 to r4. */
export const shared = (features: string): readonly string[] => [...negotiated(features), 'r3 = memory', 'r4 = share'];

/** The same with two rings that are attached as r7 and r8. */
export const twoRings = (features: string): readonly string[] => [
  ...shared(features),
  'r5 = ring',
  'r6 = ring',
  'r7 = attach ring=r5',
  'r8 = attach ring=r6 index=1',
];

/** A session with a channel on which requests of the back-end are refused, and its memory: r1 to r5. */
export const withChannel = (features: string): readonly string[] => [
  ...negotiated(features),
  'r3 = channel policy=refuse',
  'r4 = memory',
  'r5 = share',
];

/** Behind each a ring is kicked, and waited for. */
export function findNothing(programs: readonly InnocentProgram[]): void {
  for (const [name, reference, lines] of programs) {
    t.test(name, (t) => {
      withExaminer(references[reference], (examiner) => {
        findsNothing(examiner, parseProgram([...lines, 'r20 = kick', 'r21 = wait'].join('\n')));
      });
      t.end();
    });
  }
}
