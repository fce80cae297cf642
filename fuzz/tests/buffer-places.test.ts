import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { openVdpaReference } from '../../drivers/reference/open-vdpa-reference.ts';
import type { FaultName } from '../../reference-impl/faults/faults.ts';
import { Executor } from '../executor/executor.ts';
import { parseProgram } from '../program/parse-program.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import { deadlineMs, findsNothing, withExaminer } from './held-references.ts';

/** A sector is written from a buffer in two regions, and read into another one. @param told with translations of buffers. */
function programOf(negotiated: readonly string[], { layout = 'adjacent-regions', told = false } = {}): Program {
  const [read, write] = told ? [' access=read', ' access=write'] : ['', ''];
  const calls = [
    'connect',
    ...negotiated,
    `memory layout=${layout}`,
    'share',
    'ring size=16',
    'attach',
    `chain segments=[{bytes=01.00*15${read}} {bytes=5a*512 place=across-regions${read}} {writable=yes length=1${write}}]`,
    'kick',
    'wait',
    `chain segments=[{bytes=00*16${read}} {writable=yes length=513 place=across-regions${write}}]`,
    'kick',
    'wait',
    'stop',
  ];
  return resolved(parseProgram(calls.map((call, at) => `r${at + 1} = ${call}`).join('\n')));
}

const open = (faults: readonly FaultName[] = []) => openReference({ device: 'block', deadlineMs, faults });
const plain = programOf(['negotiate device=0x140000000']);
const withTranslations = 'negotiate device=0x340000000 protocol=0x829';

t.test('a buffer lies in two regions that adjoin', (t) => {
  const port = open();
  const executor = new Executor(port);
  const starts: number[] = [];
  executor.run(plain, (place) => {
    const call = plain.calls[place];
    const { made } = executor;
    const [first] = [...made.guests.values()].flatMap(({ regions }) => regions);
    if (call?.kind !== 'chain' || first === undefined) return;
    for (const { guestAddress, length } of made.chains.get(call.id) ?? []) {
      const start = Number(guestAddress - first.guestAddress);
      if (start % first.size > first.size - length) starts.push(start);
    }
  });
  port.close();
  t.equal(starts.length, 2, `buffers that end in the next region: from ${starts.join(' and ')}`);
  t.end();
});

t.test('where no regions adjoin, it lies anywhere', (t) => {
  withExaminer(open, (examiner) =>
    findsNothing(examiner, programOf(['negotiate'], { layout: 'below-and-above-4gib' })),
  );
  t.end();
});

t.test('buffers in two regions are judged as others are', (t) => {
  withExaminer(open, (examiner) => {
    findsNothing(examiner, plain);
    for (const channel of ['channel policy=refuse', 'channel'])
      findsNothing(examiner, programOf([withTranslations, channel], { told: true }));
    findsNothing(examiner, programOf([withTranslations, 'channel']));
  });
  withExaminer(
    () => openVdpaReference({ device: 'block', deadlineMs }),
    (examiner) => findsNothing(examiner, programOf(['negotiate device=0x300000000'])),
  );
  withExaminer(
    () => open(['buffers-across-regions-refused']),
    (examiner) => t.match(examiner.examine(plain), { kind: 'model' }),
  );
  t.end();
});
