import { Command } from 'commander';
import { readRecords } from '../reports/record/record-reader.ts';
import { openRunDirectory } from '../reports/record/run-directory.ts';
import { addRunOptions } from './run-options.ts';
import type { RunOptions } from './run-request.ts';
import type { RunCommand } from './target-argument.ts';
import { UsageError } from './usage-error.ts';

/**
 * What the run in a directory was asked for.
 * @throws UsageError where more is asked for now; RecordError where the directory holds no run.
 */
export function recordedRun(
  root: string,
  names: readonly string[],
  place: RunCommand,
): { readonly names: readonly string[]; readonly options: RunOptions } {
  if (names.length > 0) throw new UsageError(`--resume ${root}: keeps its own targets; name none`);
  const { run } = readRecords(openRunDirectory(root).results);
  const isOfGuest = run.command[1] === 'guest';
  if (isOfGuest !== (place === 'guest')) {
    throw new UsageError(`--resume ${root}: ran ${isOfGuest ? 'in a guest: say "guest -- run"' : 'here: say "run"'}`);
  }
  const command = addRunOptions(new Command('run')).exitOverride();
  command.parse(run.command.slice(isOfGuest ? run.command.indexOf('--') + 2 : 2), { from: 'user' });
  return { names: command.args, options: command.opts<RunOptions>() };
}
