import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { LawfulDraw } from '../arbitraries/lawful-draw.ts';
import type { Examiner } from '../executor/examiner.ts';
import { mutant } from '../mutators/mutant.ts';
import { Random } from '../mutators/random.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import { deadlineMs, findsNothing, withExaminer } from './held-references.ts';

const devices = ['vsock', 'fs'] as const;
const mostPrograms = 150;

const drawn = (examiner: Examiner, seed: number): (() => Program) => {
  const draw = new LawfulDraw(examiner.target);
  const random = new Random(seed);
  return () => draw.next(random) ?? { calls: [] };
};

for (const device of devices) {
  t.test(`programs that are drawn show nothing, nor do mutants of them: ${device}`, (t) => {
    withExaminer(
      () => openReference({ device, deadlineMs }),
      (examiner) => {
        const next = drawn(examiner, 11);
        const donors = Array.from({ length: 40 }, () => next());
        t.ok(donors.every(({ calls }) => calls.some(({ kind }) => kind === 'chain')));
        for (const program of donors) findsNothing(examiner, program);
        for (const [seed, program] of donors.entries())
          findsNothing(examiner, mutant(new Random(seed), program, donors));
      },
    );
    t.end();
  });
}

const seen: readonly (readonly [device: (typeof devices)[number], fault: FaultName, requirement: string])[] = [
  ['vsock', 'vsock-cid-of-host', 'vsock/guest-cid-not-reserved'],
  ['vsock', 'vsock-len-with-header', 'vsock/len-is-payload-size'],
  ['vsock', 'vsock-type-zero', 'vsock/replies-address-flow'],
  ['vsock', 'vsock-bytes-turned-round', 'vsock/stream-data-in-order'],
  ['vsock', 'vsock-credit-request-unanswered', 'vsock/credit-request-answered'],
  ['vsock', 'vsock-credit-counts-once', 'vsock/data-within-free-space'],
  ['vsock', 'vsock-last-hint-alone', 'vsock/shutdown-hints-permanent'],
  ['vsock', 'vsock-message-without-end', 'vsock/message-ends-with-eom'],
  ['fs', 'fs-tells-no-request-queue', 'fs/num-request-queues-at-least-one'],
  ['fs', 'fs-unique-of-32-bits', 'fs/answer-header-as-fuse'],
  ['fs', 'fs-answers-little-endian', 'fs/session-keeps-order-of-init'],
  ['fs', 'fs-read-ends-with-the-page', 'fs/read-and-write-supported'],
  ['fs', 'fs-forget-answered', 'fs/forget-has-no-answer'],
];

for (const [device, fault, requirement] of seen) {
  t.test(`${fault} is seen under its requirement`, (t) => {
    withExaminer(
      () => openReference({ device, faults: [fault], deadlineMs }),
      (examiner) => {
        const next = drawn(examiner, 3);
        const told = new Set<string>();
        for (let n = 0; n < mostPrograms && !told.has(requirement); n++) {
          const found = examiner.examine(resolved(next()));
          if (found?.kind === 'model') told.add(found.requirement);
          if (found !== undefined) examiner.restart();
        }
        t.ok(told.has(requirement), `${[...told].join(', ') || 'nothing'} in ${mostPrograms} programs`);
      },
    );
    t.end();
  });
}
