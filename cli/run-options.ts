import { type Command, InvalidArgumentError, Option } from 'commander';
import { axisValues } from '../reports/record/axes.ts';
import { levelFilters } from '../suites/runner/level-filter.ts';
import type { Shard } from '../suites/runner/plan.ts';
import { addExecOptions } from './exec-options.ts';
import { addHardwareOptions } from './hardware-options.ts';
import { reporterNames, reportersOf } from './reporter-names.ts';
import { type RunOptions, traceChoices } from './run-request.ts';
import { several } from './several.ts';

const defaultSeed = 1;

/** Gives a command the arguments and options of `run`. */
export function addRunOptions(command: Command): Command {
  const named = command
    .argument(
      '[target...]',
      'name of a target ("list targets"), or vhost-user:PATH for a socket that is served already',
    )
    .option(
      '--target-file <file>',
      'also the target that this file describes (JSON, or a module: .mjs; several allowed)',
      several,
      [],
    );
  const whole = addExecOptions(named)
    .option(
      '--pair <a=b>',
      'for cases that need two: B is the second IUT of target A (several allowed; otherwise A is started twice)',
      several,
      [],
    )
    .option('--case <glob>', 'only cases with this id, key, folder or glob (several allowed)', several, [])
    .option('--feature <name>', 'only cases about this feature bit (several allowed)', several, [])
    .option('--point <key>', 'of a sweep, only this point')
    .addOption(
      new Option(
        '--level <level>',
        'must: what the text demands; should: also what it recommends; all: also what no text says',
      )
        .choices(levelFilters)
        .default('all'),
    )
    .option(
      '--text <version>',
      'the version of a text to judge by ("list texts"), or newest (several allowed; default: what all versions since its first say)',
      several,
      [],
    )
    .addOption(
      new Option('--layout <layout>', 'only results on rings of this layout (default: each that is offered)').choices(
        axisValues.layout,
      ),
    )
    .addOption(
      new Option(
        '--negotiation <negotiation>',
        'minimal: only what a case wants is negotiated; offered: all that is offered (default: both)',
      ).choices(axisValues.negotiation),
    )
    .option(
      '--expect <file>',
      'known deviations: they do not fail the run, but their absence does (several allowed)',
      several,
      [],
    )
    .option(
      '--update-expectations',
      'write what this run found into the file of --expect, and print the difference for somebody to read',
      false,
    )
    .option(
      '--out <dir>',
      'directory for results, traces and reports (default: vhost-conformance-out/<time>-<pid>-<random>)',
    )
    .option('--reporter <names>', `reports to write: ${reporterNames.join(',')}`, reportersOf, ['html'])
    .option('--shard <i/n>', 'run every n-th result, from the i-th', shard)
    .option('--jobs <n>', 'judge so many instances of a target at once, each with a share of its results', positive, 1)
    .addOption(
      new Option('--traces <which>', 'failing: of what did not pass; all: of every result that ran')
        .choices(traceChoices)
        .default('failing'),
    )
    .option('--repeat <n>', 'run each case so many times', positive, 1)
    .option('--seed <n>', 'seed of what is chosen at random', natural, defaultSeed)
    .option(
      '--resume <dir>',
      'run what is missing of the run in this directory, as it was asked for then; say again what it executes or reaches outside',
    )
    .option('--dry-run', 'print what would run, and start nothing', false);
  return addHardwareOptions(whole);
}

/** The words after `run` that ask for the same again. Paths in it are absolute. */
export function wordsOfRun(targetWords: readonly string[], options: RunOptions): string[] {
  const valued = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [name, String(value)];
  return [
    ...targetWords,
    ...options.pair.flatMap((words) => ['--pair', words]),
    ...options.case.flatMap((glob) => ['--case', glob]),
    ...options.feature.flatMap((name) => ['--feature', name]),
    ...valued('--point', options.point),
    ...(options.level === 'all' ? [] : ['--level', options.level]),
    ...options.text.flatMap((name) => ['--text', name]),
    ...(options.hostile ? ['--hostile'] : []),
    ...valued('--layout', options.layout),
    ...valued('--negotiation', options.negotiation),
    ...options.expect.flatMap((file) => ['--expect', file]),
    ...(options.shard === undefined ? [] : ['--shard', `${options.shard.index}/${options.shard.of}`]),
    ...(options.jobs === 1 ? [] : ['--jobs', String(options.jobs)]),
    ...(options.traces === 'failing' ? [] : ['--traces', options.traces]),
    ...(options.repeat === 1 ? [] : ['--repeat', String(options.repeat)]),
    '--seed',
    String(options.seed),
    '--reporter',
    options.reporter.join(','),
  ];
}

function natural(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('Not a whole number.');
  return value;
}

function positive(text: string): number {
  const value = natural(text);
  if (value < 1 || value > 10_000) throw new InvalidArgumentError('Not a number from 1 to 10000.');
  return value;
}

function shard(text: string): Shard {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (index === undefined || of === undefined || index < 1 || index > of) {
    throw new InvalidArgumentError('Not I/N with I from 1 to N.');
  }
  return { index, of };
}
