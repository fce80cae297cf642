import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import type { DriverPort } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { anyProgram } from '../arbitraries/any-program.ts';
import { LawfulDraw } from '../arbitraries/lawful-draw.ts';
import { lawfulProgram } from '../arbitraries/lawful-program.ts';
import { mutant } from '../mutators/mutant.ts';
import { Random } from '../mutators/random.ts';
import { isJudged } from '../program/lawfulness.ts';
import { parseProgram } from '../program/parse-program.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import { deadlineMs, findsNothing, referenceNames, references, withExaminer } from './held-references.ts';

for (const name of referenceNames) {
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

for (const name of referenceNames.filter((name) => name !== 'entropy')) {
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

for (const name of referenceNames) {
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

for (const name of referenceNames) {
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
