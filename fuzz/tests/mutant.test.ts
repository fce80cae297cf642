import assert from 'node:assert/strict';
import t from 'tap';
import { changed } from '../mutators/made-call.ts';
import { mostCallsOfMutant, mutant } from '../mutators/mutant.ts';
import { Random } from '../mutators/random.ts';
import { callKinds } from '../program/call-table.ts';
import { parseProgram } from '../program/parse-program.ts';
import { printProgram } from '../program/print-program.ts';
import { type Program, problemOf } from '../program/program.ts';
import { decodeProgram, encodeProgram } from '../program/program-encoding.ts';
import { resolved } from '../program/references.ts';

const base = parseProgram(
  'r1 = connect\nr2 = negotiate\nr3 = memory\nr4 = share\nr5 = ring\nr6 = attach\nr7 = chain segments=[{bytes=00*16} {writable=yes length=513}]\nr8 = kick\nr9 = wait\nr10 = stop\n',
);

function* mutants(seed: number, count: number): Generator<Program> {
  const random = new Random(seed);
  const donors = [base];
  for (let n = 0; n < count; n++) {
    const made = mutant(random, random.pick(donors), donors);
    if (donors.length < 40 && made.calls.length > 0) donors.push(made);
    yield made;
  }
}

t.test('a mutant is a program: it is printed, encoded and resolved', (t) => {
  const kinds = new Set<string>();
  let same = 0;
  let seen = 0;
  for (const program of mutants(1, 1800)) {
    assert.equal(problemOf(program), undefined);
    assert.ok(program.calls.length <= mostCallsOfMutant);
    const text = printProgram(program);
    if (seen++ % 8 === 0) {
      assert.deepEqual(parseProgram(text), program);
      assert.deepEqual(decodeProgram(encodeProgram(program)), program);
    }
    assert.ok(resolved(program).calls.length >= program.calls.length);
    for (const { kind } of program.calls) kinds.add(kind);
    if (text === printProgram(base)) same++;
  }
  t.strictSame([...kinds].sort(), [...callKinds].sort(), 'every kind of call is made');
  t.ok(same < 90, `${same} of 1800 are no different`);
  t.end();
});

t.test('the same seed gives the same mutants, another seed others', (t) => {
  const texts = (seed: number): string[] => [...mutants(seed, 20)].map(printProgram);
  t.strictSame(texts(7), texts(7));
  t.notSame(texts(7), texts(8));
  t.end();
});

t.test('a field of a message gets values that fit no back-end, and keeps the descriptor that it came with', (t) => {
  const [call] = parseProgram(
    'r1 = message request=32 fields=[{name=mmapSize value=0x10000} {name=numQueues value=2}] descriptors=[{kind=memory-file size=0x20000}]\n',
  ).calls;
  if (call?.kind !== 'message') throw new Error('no message');
  const random = new Random(5);
  const counts = new Set<bigint>();
  for (let n = 0; n < 400; n++) {
    const mutated = changed(random, call);
    if (mutated.kind !== 'message' || mutated.descriptors.length !== 1) continue;
    const value = mutated.fields.find(({ name }) => name === 'numQueues')?.value;
    if (value?.kind === 'literal') counts.add(value.value);
  }
  for (const count of [0n, 255n, 256n, 0xffffn]) t.ok(counts.has(count), `${count} queues`);
  t.end();
});
