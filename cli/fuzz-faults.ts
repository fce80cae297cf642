import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { didYouMean } from '../drivers/near-matches.ts';
import { type FaultName, faultNames, isFaultName } from '../reference-impl/faults/faults.ts';
import { atEnd, endedByWords, isNoOptions, type NoOptions } from './development-command.ts';
import { commandLineFaults, huntedFaults } from './fuzz/fuzzed-transports.ts';
import type { HuntLimits, HuntResult } from './fuzz-faults/hunt.ts';
import { appendRow, huntedElsewhere, rowsIn } from './fuzz-faults/hunted-rows.ts';
import { sampledFaults } from './fuzz-faults/sampled-faults.ts';

const usage = `usage: npm run fuzz:faults -- [--sample N | --all | FAULT...] [--seed N] [--time S] [--runs N] [--jobs N]
       [--out FILE] [--least PERCENT] [--json]

Gives the reference one fault at a time and fuzzes it from an empty corpus, until the fault is found or its time is over.
A finding counts only where the reference without the fault shows nothing for the same program.

Left out, of --all and of samples, are faults of requirements that say how a back-end is started, ended and asked from its
command line (vu-program/...): no message shows them. The result says how many these are.

  --sample N       so many faults, of each layer in proportion (100 unless told)
  --all            every fault
  FAULT            these faults
  --seed N         chooses the sample and the programs (1 unless told)
  --time S         seconds of the processor for each fault (60 unless told)
  --runs N         programs for each fault and device at most: with them, and time enough, the result is the same each time
  --jobs N         faults at a time (as many as there are processors unless told)
  --out FILE       keeps what was found, and goes on with what is missing there
  --least PERCENT  exit status 1 where fewer are found (90 unless told)
  --json           print the results as JSON
  --help           print this

Exit status: 0 if enough faults were found and the reference without faults showed nothing; else 1; 2 for wrong usage.
`;

interface Options extends HuntLimits {
  readonly names: readonly FaultName[];
  readonly jobs: number;
  readonly out: string | undefined;
  readonly least: number;
  readonly json: boolean;
}

function optionsOf(words: readonly string[]): Options | NoOptions {
  const flag = { type: 'boolean' } as const;
  const text = { type: 'string' } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        sample: text,
        all: flag,
        seed: { type: 'string', default: '1' },
        time: { type: 'string', default: '60' },
        runs: text,
        jobs: { type: 'string', default: String(availableParallelism()) },
        out: text,
        least: { type: 'string', default: '90' },
        json: flag,
        help: { ...flag, short: 'h' },
      },
    });
    if (values.help === true) return 'help';
    const { sample = '100', seed, time, runs, jobs, least } = values;
    for (const [name, word] of Object.entries({ sample, seed, time, runs: runs ?? '1', jobs, least })) {
      if (!/^[1-9]\d{0,5}$/.test(word)) return { wrong: `--${name} ${word}: a number from 1 is wanted` };
    }
    const unknown = positionals.find((name) => !isFaultName(name));
    if (unknown !== undefined) return { wrong: `${unknown}: no such fault${didYouMean(unknown, faultNames)}` };
    const unfuzzed = positionals.find((name) => isFaultName(name) && !huntedFaults.includes(name));
    if (unfuzzed !== undefined) return { wrong: `${unfuzzed}: ${whyLeftOut(unfuzzed)}` };
    const ways = [positionals.length > 0, values.all === true, values.sample !== undefined];
    if (ways.filter(Boolean).length > 1) return { wrong: 'name faults, or say --all, or --sample' };
    return {
      names: chosen(positionals, values.all === true, Number(sample), Number(seed)),
      seed: Number(seed),
      timeMs: Number(time) * 1000,
      ...(runs === undefined ? {} : { runs: Number(runs) }),
      jobs: Number(jobs),
      out: values.out,
      least: Number(least),
      json: values.json === true,
    };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}

const isOfCommandLine = (name: string): boolean => commandLineFaults.some((fault) => fault === name);

const whyLeftOut = (name: string): string =>
  isOfCommandLine(name)
    ? 'no message shows a fault of the command line'
    : 'programs have no calls of its transport yet';

function chosen(named: readonly string[], isAll: boolean, sample: number, seed: number): readonly FaultName[] {
  if (isAll) return huntedFaults;
  return named.length > 0 ? faultNames.filter((name) => named.includes(name)) : sampledFaults(sample, seed);
}

async function main(words: readonly string[]): Promise<number> {
  const options = optionsOf(words);
  if (isNoOptions(options)) return endedByWords('fuzz:faults', usage, options);
  const { names, seed, timeMs, runs, out } = options;
  const limits: HuntLimits = { seed, timeMs, ...(runs === undefined ? {} : { runs }) };
  const results = out === undefined ? [] : rowsIn(out, limits).filter(({ fault }) => names.includes(fault));
  const known = new Set(results.map(({ fault }) => fault));
  const left = names.filter((name) => !known.has(name));
  const take = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const result = await huntedElsewhere(name, limits);
      if (out !== undefined) appendRow(out, limits, result);
      results.push(result);
      if (!options.json) process.stdout.write(`${lineOf(result)}\n`);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, take));
  if (options.json) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
  else for (const line of summaryOf(results)) process.stdout.write(`${line}\n`);
  const found = results.filter(({ isFound }) => isFound).length;
  const isSilent = results.every(({ shownWithoutFault }) => shownWithoutFault.length === 0);
  return isSilent && found * 100 >= options.least * results.length ? 0 : 1;
}

function lineOf({
  fault,
  requirement,
  isFound,
  by,
  what,
  arena,
  seconds,
  programs,
  shownWithoutFault,
}: HuntResult): string {
  const falsely = shownWithoutFault.length === 0 ? '' : `; without the fault: ${shownWithoutFault.join('; ')}`;
  const spent = `${seconds.toFixed(1)} s, ${programs} programs`;
  if (!isFound) return `- ${fault} (${requirement}): not found, ${spent}${falsely}`;
  return `ok ${fault} (${requirement}): ${by} on ${arena}, ${spent}: ${what}${falsely}`;
}

function summaryOf(results: readonly HuntResult[]): string[] {
  const found = results.filter(({ isFound }) => isFound);
  const seconds = found.map((result) => result.seconds).sort((a, b) => a - b);
  const counts = new Map<string, number>();
  for (const { by = 'nothing' } of results) counts.set(by, (counts.get(by) ?? 0) + 1);
  const percent = ((100 * found.length) / Math.max(results.length, 1)).toFixed(0);
  return [
    `${found.length} of ${results.length} faults found (${percent} %), median ${(seconds[seconds.length >> 1] ?? 0).toFixed(1)} s`,
    `left out: ${commandLineFaults.length} faults of the command line of a back-end, which no message shows`,
    `caught by: ${[...counts].map(([by, count]) => `${by} ${count}`).join(', ')}`,
  ];
}

atEnd(() => undefined);
process.exitCode = await main(process.argv.slice(2));
