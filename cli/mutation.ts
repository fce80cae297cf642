import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { counted } from './counted.ts';
import { atEnd, endedByWords, isNoOptions, type NoOptions } from './development-command.ts';
import { coverageOf, eachOf } from './mutation/coverage.ts';
import { readEquivalentMutants, withoutEquivalent } from './mutation/equivalent-mutants.ts';
import { InstrumentedCopy } from './mutation/instrumented-copy.ts';
import { type Mutant, mutantsOf } from './mutation/mutants.ts';
import { mutatedFiles } from './mutation/mutated-files.ts';
import { killedShare, lineOf, type MutationResult, placeOf, summaryOf } from './mutation/mutation-result.ts';
import { quickExtent, wholeExtent } from './mutation/trial-extent.ts';
import { inBatches, tryMutants } from './mutation/trials.ts';
import { endWorkers } from './mutation/worker-run.ts';

const usage = `usage: npm run mutation -- [--sample N] [--seed S] [--file TEXT…] [--quick] [--floor P] [--jobs N] [--json]

Changes the device side of the reference, one expression or statement at a time, and looks for a case that fails:
first all cases run once without a change, to learn what each one reaches; then each mutant is tried with the cases
that reach it, until one fails. All mutants take hours (npm run mutation:nightly). What lives on is a gap of the suites, or stands with its
reason in fixtures/mutation/equivalent-mutants.json.

  --sample N   try N mutants, chosen by the seed
  --seed S     of the choice; 1 unless told
  --file TEXT  only mutants whose place (FILE:LINE) contains this text, or one of them where it is repeated
  --quick      the first variant of each case alone, in four places: a sample of 10 takes less than a minute, and
               fewer are killed
  --floor P    the share that must be killed, in percent; 95 unless told
  --jobs N     processes at once; one for each processor unless told
  --json       print [{file, line, mutator, original, replacement, occurrence, outcome, by?, item?, threw}] instead
  --help       print this

Exit status: 0 if at least that share is killed and no listed equivalent is stale; else 1; 2 for wrong usage.
`;

const wantedShare = 95;
const mostPercent = 100;

interface Options {
  readonly sample?: number;
  readonly seed: number;
  readonly files: readonly string[];
  readonly floor: number;
  readonly jobs: number;
  readonly isQuick: boolean;
  readonly json: boolean;
}

/** Reads the words of the command line; what is wrong with them, or 'help', instead. */
function optionsOf(words: readonly string[]): Options | NoOptions {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        sample: text,
        seed: text,
        file: { ...text, multiple: true },
        floor: text,
        jobs: text,
        quick: flag,
        json: flag,
        help: { ...flag, short: 'h' },
      },
    });
    if (values.help === true) return 'help';
    const numbers: Partial<Record<'sample' | 'seed' | 'floor' | 'jobs', number>> = {};
    for (const name of ['sample', 'seed', 'floor', 'jobs'] as const) {
      const word = values[name];
      if (word === undefined) continue;
      if (!/^[1-9]\d{0,8}$/.test(word)) return { wrong: `--${name} ${word}: a number from 1 is wanted` };
      numbers[name] = Number(word);
    }
    const { sample, seed = 1, floor = wantedShare, jobs = availableParallelism() } = numbers;
    if (floor > mostPercent) return { wrong: `--floor ${floor}: more than ${mostPercent} %` };
    return {
      seed,
      floor,
      jobs,
      isQuick: values.quick === true,
      files: values.file ?? [],
      json: values.json === true,
      ...(sample === undefined ? {} : { sample }),
    };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}

/** `count` of the mutants in their order; the seed alone says which. */
function sampleOf(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  const random = xoroshiro128plus(seed);
  const left = [...mutants];
  const chosen = new Set<Mutant>();
  while (chosen.size < count && left.length > 0) {
    const [one] = left.splice(uniformInt(random, 0, left.length - 1), 1);
    if (one !== undefined) chosen.add(one);
  }
  return mutants.filter((mutant) => chosen.has(mutant));
}

async function main(words: readonly string[]): Promise<number> {
  const options = optionsOf(words);
  if (isNoOptions(options)) return endedByWords('mutation', usage, options);
  const project = fileURLToPath(new URL('../../', import.meta.url));
  const dist = join(project, 'dist');
  const { mutants, ends, code } = await mutantsOf(dist, mutatedFiles(dist));
  const { files } = options;
  const named = mutants.filter(
    ({ file, line }) => files.length === 0 || files.some((text) => `${file}:${line}`.includes(text)),
  );
  if (named.length === 0) {
    process.stderr.write(`mutation: --file ${files.join(' or ')}: no mutant is there\n`);
    return 2;
  }
  const sample = options.sample === undefined ? named : sampleOf(named, options.sample, options.seed);
  const listed = readEquivalentMutants(join(project, 'fixtures', 'mutation', 'equivalent-mutants.json'));
  const { stale } = withoutEquivalent(mutants, listed);
  const { wanted, equivalent } = withoutEquivalent(sample, listed);
  process.stderr.write(
    `${counted(mutants.length, 'mutant')} in ${counted(code.length, 'file')}, ${sample.length} chosen\n`,
  );
  const copy = new InstrumentedCopy(project, code);
  atEnd(() => {
    endWorkers();
    copy.remove();
  });
  const results = await judged(copy.root, wanted, [...mutants, ...ends], options);
  for (const one of results) {
    const [first] = one.threw;
    if (first === undefined) continue;
    const others = one.threw.length === 1 ? '' : ` and ${counted(one.threw.length - 1, 'other')}`;
    process.stderr.write(`threw in ${first.item}${others}: ${placeOf(one.mutant)}: ${first.what}\n`);
  }
  if (options.json) process.stdout.write(`${JSON.stringify(results.map(rowOf), undefined, 2)}\n`);
  else for (const one of results) process.stdout.write(`${lineOf(one)}\n`);
  for (const one of stale) {
    process.stdout.write(
      `not ok listed as equivalent, and no mutant any more: ${one.file}: ${one.original} → ${one.replacement}\n`,
    );
  }
  process.stderr.write(`${summaryOf(results, equivalent.length)}\n`);
  return killedShare(results) >= options.floor && stale.length === 0 ? 0 : 1;
}

const rowOf = ({ mutant: { id: _, ...place }, outcome: { kind, ...rest }, threw }: MutationResult): object => ({
  ...place,
  outcome: kind,
  ...rest,
  threw,
});

async function judged(
  root: string,
  wanted: readonly Mutant[],
  near: readonly Mutant[],
  { jobs, isQuick }: Options,
): Promise<MutationResult[]> {
  let ran = 0;
  const coverage = await coverageOf(root, wanted, near, jobs, isQuick ? quickExtent : wholeExtent, () => {
    ran++;
    if (ran % 1000 === 0) process.stderr.write(`${ran} results without a mutant\n`);
  });
  for (const { item, verdict } of coverage.notPassing) {
    process.stderr.write(`${item}: ${verdict} without a mutant: it shows nothing\n`);
  }
  process.stderr.write(`${counted(coverage.passing, 'result')} pass without a mutant\n`);
  const results: MutationResult[] = [];
  await eachOf(inBatches(wanted, coverage, jobs), jobs, async (batch) => {
    results.push(...(await tryMutants(root, batch, coverage)));
    process.stderr.write(`${results.length}/${wanted.length} mutants tried\n`);
  });
  return results.sort((a, b) => wanted.indexOf(a.mutant) - wanted.indexOf(b.mutant));
}

process.exitCode = await main(process.argv.slice(2));
