import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { featureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { anyProgram } from '../arbitraries/any-program.ts';
import { lawfulProgram } from '../arbitraries/lawful-program.ts';
import { callKinds } from '../program/call-table.ts';
import { Lawfulness } from '../program/lawfulness.ts';
import type { Call, Program } from '../program/program.ts';
import { decodeProgram, encodeProgram } from '../program/program-encoding.ts';
import { resolved } from '../program/references.ts';
import { intactProgram } from '../properties/intact-program.ts';

/** The four duties of an arbitrary: valid values, small counterexamples, the same values for a seed, and a spread. */

const target = {
  transport: 'vhost-user',
  device: 'block',
  offer: featureSet({ device: 0x1_f740_17e46n | (1n << 34n) | (1n << 35n), protocol: 0x1_ffffn }),
} as const;
const lawful = lawfulProgram({ device: 'block', layout: 'split', offer: target.offer });
const arbitraries: Readonly<Record<string, fc.Arbitrary<Program>>> = {
  lawful,
  any: anyProgram,
  intact: intactProgram.map(({ program }) => program),
};

const countOf = (program: Program, kind: Call['kind']): number =>
  program.calls.filter((call) => call.kind === kind).length;

for (const [name, arbitrary] of Object.entries(arbitraries)) {
  t.test(`${name}: every value is a program that can be kept and resolved`, (t) => {
    fc.assert(
      fc.property(arbitrary, (program) => {
        assert.deepEqual(decodeProgram(encodeProgram(program)), program);
        assert.deepEqual(
          program.calls.map(({ id }) => id),
          program.calls.map((_, at) => at + 1),
        );
        resolved(program);
      }),
      { numRuns: 100, seed: 1 },
    );
    t.end();
  });

  t.test(`${name}: the same seed gives the same values`, (t) => {
    assert.deepEqual(fc.sample(arbitrary, { numRuns: 20, seed: 7 }), fc.sample(arbitrary, { numRuns: 20, seed: 7 }));
    assert.notDeepEqual(fc.sample(arbitrary, { numRuns: 20, seed: 7 }), fc.sample(arbitrary, { numRuns: 20, seed: 8 }));
    t.end();
  });
}

t.test('lawful: no call breaks the text, but one message that is cut', (t) => {
  for (const program of fc.sample(lawful, { numRuns: 200, seed: 2 })) {
    const lawfulness = new Lawfulness(target);
    for (const [place, call] of program.calls.entries()) {
      const standing = lawfulness.standingOf(call);
      const isLast = place === program.calls.length - 1 && call.kind === 'message';
      if (!standing.isLawful && !isLast) t.fail(`call ${place}, ${call.kind}: ${standing.why}`);
    }
  }
  t.end();
});

t.test('counterexamples become small', (t) => {
  const least = (arbitrary: fc.Arbitrary<Program>, kind: Call['kind']): Program | undefined =>
    fc.check(
      fc.property(arbitrary, (program) => countOf(program, kind) === 0),
      { numRuns: 500, seed: 3 },
    ).counterexample?.[0];
  t.equal(least(anyProgram, 'chain')?.calls.length, 1);
  const chain = least(lawful, 'chain');
  assert.ok(chain !== undefined);
  t.equal(countOf(chain, 'chain'), 1);
  t.ok(chain.calls.length <= 16, `${chain.calls.length} calls`);
  t.equal(least(arbitraries['intact'] ?? lawful, 'bytes')?.calls.filter(({ kind }) => kind === 'bytes').length, 1);
  t.end();
});

t.test('values are spread: every kind of call, both ends of rings, batches and stops', (t) => {
  const any = new Set(
    fc.sample(anyProgram, { numRuns: 300, seed: 4 }).flatMap(({ calls }) => calls.map(({ kind }) => kind)),
  );
  t.strictSame([...any].sort(), [...callKinds].sort());
  const programs = fc.sample(lawful, { numRuns: 1000, seed: 5 });
  const share = (holds: (program: Program) => boolean): number => programs.filter(holds).length / programs.length;
  t.ok(share((program) => countOf(program, 'chain') > 0) > 0.7, 'most have chains');
  t.ok(share((program) => countOf(program, 'stop') > 1) > 0.3, 'many stop more than once');
  t.ok(share((program) => countOf(program, 'reconnect') > 0) > 0.1, 'some reconnect');
  t.ok(share((program) => program.calls.some((call) => call.kind === 'ring' && call.avail > 0)) > 0.2, 'positions');
  t.ok(share((program) => program.calls.some((call) => call.kind === 'chain' && call.held)) > 0.2, 'batches');
  t.end();
});
