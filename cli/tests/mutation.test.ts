import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { readEquivalentMutants, withoutEquivalent } from '../mutation/equivalent-mutants.ts';
import { FaultCases } from '../mutation/fault-cases.ts';
import { itemsByWorth } from '../mutation/item-order.ts';
import { type Mutant, mutantsOf } from '../mutation/mutants.ts';
import { mutatedFiles } from '../mutation/mutated-files.ts';
import { killedShare, lineOf, type MutationResult, summaryOf } from '../mutation/mutation-result.ts';
import { ReadParameters } from '../mutation/read-parameters.ts';
import { wholeExtent } from '../mutation/trial-extent.ts';
import type { RanItem } from '../mutation/worker-messages.ts';

const dist = fileURLToPath(new URL('../../', import.meta.url));
const project = join(dist, '..');

const mutant = (replacement: string, occurrence = 0): Mutant => ({
  id: replacement,
  file: 'reference-impl/devices/a.ts',
  line: 3,
  mutator: 'ArithmeticOperator',
  original: 'a + b',
  replacement,
  occurrence,
});

t.test('the device side is mutated, and nothing that the driver shares with it', async (t) => {
  const files = mutatedFiles(dist);
  t.ok(files.includes('reference-impl/virtqueue/packed/device-ring.js'));
  t.ok(files.includes('reference-impl/vhost-user/session.js'));
  t.same(
    files.filter((file) => /driver-ring|\/layout\.js|\/tests\//.test(file)),
    [],
  );
});

t.test('a mutant says where it is in the source, and each place with the same text has its own number', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mutants-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = 'reference-impl/devices/sum.js';
  mkdirSync(dirname(join(directory, file)), { recursive: true });
  writeFileSync(
    join(directory, file),
    'export function sum(a, b) {\n  if (a < b) return a + b;\n  return a + b; // twice\n}\n',
  );
  writeFileSync(join(directory, `${file}.map`), JSON.stringify({ version: 3, sources: [], names: [], mappings: '' }));
  const { mutants, code } = await mutantsOf(directory, [file]);
  t.match(
    mutants.filter(({ original }) => original === 'a + b'),
    [
      { file: 'reference-impl/devices/sum.ts', line: 2, replacement: 'a - b', occurrence: 0 },
      { line: 3, replacement: 'a - b', occurrence: 1 },
    ],
  );
  t.ok(mutants.some(({ original, replacement }) => original === 'a < b' && replacement === 'a <= b'));
  t.match(code[0]?.code, /stryMutAct/);
  t.equal(new Set(mutants.map(({ id }) => id)).size, mutants.length);
});

t.test('a statement among others can be removed, and one that stands alone is removed with its block', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mutants-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = 'reference-impl/devices/counter.js';
  mkdirSync(dirname(join(directory, file)), { recursive: true });
  writeFileSync(
    join(directory, file),
    'export function count(counter) {\n  counter.n++;\n  if (counter.isLoud)\n    counter.call();\n}\nfunction lone(a) {\n  a.b = [];\n}\n',
  );
  writeFileSync(join(directory, `${file}.map`), JSON.stringify({ version: 3, sources: [], names: [], mappings: '' }));
  const { mutants } = await mutantsOf(directory, [file]);
  const removed = mutants.filter(({ replacement }) => replacement === '{}').map(({ original }) => original);
  t.same(removed.slice(1), ['{ counter.n++; }', '{ counter.call(); }', '{ a.b = []; }']);
  t.same(
    mutants.filter(({ replacement }) => replacement.includes('Stryker')),
    [],
  );
});

const ruled = `export class Ruled {
  #rules;
  get forTests() {
    return this.#rules.signals === 3;
  }
  act(chain) {
    const { rules } = this.#rules;
    const writesFirst = rules.breaksOnMalformed(chain);
    if (writesFirst) { this.write(); }
    if (!writesFirst) { this.late(); }
    const misplaced = this.#rules.rules.acceptsPlace(chain);
    if (misplaced !== undefined) return misplaced;
    this.starts++;
    const earlier = chain.size - 1;
    const base = chain.size - 2;
    this.usedIdx = rules.firstUsedIdx(base, 0, earlier);
    const before = this.all.filter((one) => rules.sendsWhileDisabled(one.size + 1));
    return rules.isInRange(chain) && this.act(chain);
  }
  write() {}
  late() {}
}
`;

t.test(
  'code that only a fault or a test reaches is not measured, and a condition not by its constant value',
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'mutants-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const file = 'reference-impl/devices/ruled.js';
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), ruled);
    writeFileSync(join(directory, `${file}.map`), JSON.stringify({ version: 3, sources: [], names: [], mappings: '' }));
    const { mutants } = await mutantsOf(directory, [file]);
    const made = mutants.map(({ original, replacement }) => `${original} → ${replacement}`);
    t.ok(made.includes('writesFirst → false'));
    t.ok(made.includes('{ this.write(); } → {}'));
    t.ok(made.includes('misplaced !== undefined → true'));
    t.ok(made.includes('chain.size - 2 → chain.size + 2'));
    t.ok(made.includes('rules.isInRange(chain) && this.act(chain) → rules.isInRange(chain) || this.act(chain)'));
    const unmeasured = [
      'writesFirst → true',
      '!writesFirst → false',
      '{ this.late(); } → {}',
      'misplaced !== undefined → false',
      'this.#rules.signals === 3 → true',
      '{ this.starts++; } → {}',
      'one.size + 1 → one.size - 1',
      '(one) => rules.sendsWhileDisabled(one.size + 1) → () => undefined',
      'chain.size - 1 → chain.size + 1',
    ];
    t.same(
      made.filter((one) => unmeasured.includes(one)),
      [],
    );
  },
);

t.test('the text of a function says what it reads of its arguments', async (t) => {
  const reads = ReadParameters.of('({ slot, wrap: round }, _, last) => slot + round + last');
  t.same(
    [0, 1, 2, 3].map((position) => reads.at(position)),
    [new Set(['slot', 'wrap']), 'nothing', 'all', 'nothing'],
  );
  t.same(reads.or(ReadParameters.of('({ id }) => id')).at(0), new Set(['slot', 'wrap', 'id']));
  t.equal(ReadParameters.of('(one, two = 3) => one').at(1), 'all', 'a text that is not understood');
  t.equal(ReadParameters.of('function (one) { return arguments[1]; }').at(1), 'all');
});

t.test('items that come where few others come are tried first, and other variants of a case last', async (t) => {
  const item = (name: string, rank = 0): RanItem => ({
    kind: 'ran',
    item: name,
    verdict: 'pass',
    durationMs: 1,
    rank,
    mutants: [],
  });
  const [common, variant, rare] = [item('common'), item('variant', 1), item('rare', 1)];
  const reaching = new Map([
    ['condition', [variant, common, rare, item('elsewhere')]],
    ['branch', [rare]],
  ]);
  t.same(
    itemsByWorth([variant, common, rare], { sameLine: ['condition', 'branch'], around: [] }, reaching, wholeExtent),
    ['rare', 'common', 'variant'],
  );
  const ofFaults = new Set(['variant']);
  t.same(
    itemsByWorth([common, variant, rare], { sameLine: [], around: [] }, reaching, wholeExtent, ofFaults).at(0),
    'variant',
  );
});

t.test('cases that prove a fault of an entry or a message are known by where a mutant stands', async (t) => {
  const cases = new FaultCases(project);
  const at = (file: string, text: string): ReadonlySet<string> => {
    const lines = readFileSync(join(project, file), 'utf8').split('\n');
    return cases.of({ file, line: lines.findIndex((line) => line.includes(text)) + 1 });
  };
  const rules = 'reference-impl/vhost-user/vring-rules.ts';
  t.ok(at(rules, '  acceptsSize: (size').has('vhost-user/vring-limits/bad-sizes-are-refused'));
  const messages = 'reference-impl/vhost-user/messages/config-messages.ts';
  t.ok(at(messages, 'mayWriteReadOnly').has('vhost-user/config/guest-write-is-read-back'));
  t.equal(at(rules, 'import').size, 0);
});

t.test('a listed equivalent is left out by what stands in the code, and stale entries are found', async (t) => {
  const entry = (replacement: string, occurrence: number) => ({
    file: 'reference-impl/devices/a.ts',
    original: 'a + b',
    replacement,
    occurrence,
    reason: 'both are zero wherever this runs',
    secondReader: 'agrees',
  });
  const { wanted, equivalent, stale } = withoutEquivalent(
    [mutant('a - b'), mutant('a - b', 1), mutant('a * b')],
    [entry('a - b', 1), entry('a / b', 0)],
  );
  t.same(
    wanted.map(({ replacement, occurrence }) => [replacement, occurrence]),
    [
      ['a - b', 0],
      ['a * b', 0],
    ],
  );
  t.equal(equivalent.length, 1);
  t.match(stale, [{ replacement: 'a / b' }]);
});

t.test('every listed equivalent is a mutant of the code, and says why', async (t) => {
  const listed = readEquivalentMutants(join(project, 'fixtures', 'mutation', 'equivalent-mutants.json'));
  const files = mutatedFiles(dist).filter((built) => listed.some(({ file }) => file === built.replace(/\.js$/, '.ts')));
  const { mutants } = await mutantsOf(dist, files);
  t.same(withoutEquivalent(mutants, listed).stale, []);
});

t.test('the share counts what lives on and what no case reaches', async (t) => {
  const results: MutationResult[] = [
    { mutant: mutant('1'), outcome: { kind: 'killed', by: 'finding', item: 'x', what: 'y' }, threw: [] },
    { mutant: mutant('2'), outcome: { kind: 'survived', tried: 4 }, threw: [{ item: 'x', what: 'TypeError' }] },
    { mutant: mutant('3'), outcome: { kind: 'not-reached' }, threw: [] },
  ];
  t.equal(killedShare(results).toFixed(1), '33.3');
  t.equal(
    summaryOf(results, 2),
    '5 mutants: 1 killed, 1 survived, 1 not reached, 2 equivalent, 1 mutant made a case throw, 33.3 % killed',
  );
  t.same(
    results.map((one) => /^(not )?ok /.exec(lineOf(one))?.[0]),
    ['ok ', 'not ok ', 'not ok '],
  );
});

t.test('the package does not ship the mutation run, whose library it does not install', async (t) => {
  const { files } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { files: string[] };
  t.ok(files.includes('!dist/cli/mutation'));
});
