import { readSync } from 'node:fs';
import { Command } from 'commander';
import { readRecords } from '../reports/record/record-reader.ts';
import { openRunDirectory } from '../reports/record/run-directory.ts';
import { addRunOptions } from './run-options.ts';
import type { RunOptions } from './run-request.ts';
import { shellLine } from './shell-words.ts';
import type { RunCommand } from './target-argument.ts';
import { complain } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Options that name a program of the user's: what they say is executed. */
type ExecutedOptions = Pick<RunOptions, 'exec' | 'targetFile' | 'execDirectory' | 'execEnv' | 'execFile'>;

/**
 * What the run in a directory was asked for. A command or a target file of the user's is in those records, which may come
 * from elsewhere: it is executed only if it was typed again, or confirmed at the terminal.
 * @param typed the options beside `--resume`.
 * @throws UsageError where more is asked for now, or an execution is not confirmed; RecordError where the directory holds
 * no run.
 */
export function recordedRun(
  root: string,
  names: readonly string[],
  typed: RunOptions,
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
  const recorded = command.opts<RunOptions>();
  return { names: command.args, options: { ...recorded, ...confirmed(root, recorded, typed) } };
}

/** What is executed: what was typed, which takes the place of all that the records say of it. */
function confirmed(root: string, recorded: RunOptions, typed: RunOptions): ExecutedOptions {
  const words = executedWords(recorded);
  if (words.length === 0) return { targetFile: [], execEnv: [], execFile: [] };
  if (executedWords(typed).length > 0) return executedOf(typed);
  const line = shellLine(words);
  if (isConfirmed(`The run in ${root} executes: ${line}`)) return executedOf(recorded);
  throw new UsageError(`--resume ${root}: would execute what its records name; if you want that, add: ${line}`);
}

function executedOf({ exec, targetFile, execDirectory, execEnv, execFile }: RunOptions): ExecutedOptions {
  return {
    ...(exec === undefined ? {} : { exec }),
    targetFile,
    ...(execDirectory === undefined ? {} : { execDirectory }),
    execEnv,
    execFile,
  };
}

/** The words that ask for an execution; none where built-in targets and sockets alone are judged. */
export function executedWords({ exec, targetFile, execDirectory, execEnv, execFile }: ExecutedOptions): string[] {
  const valued = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value]);
  return [
    ...targetFile.flatMap((file) => ['--target-file', file]),
    ...valued('--exec', exec),
    ...valued('--exec-directory', execDirectory),
    ...execEnv.flatMap((text) => ['--exec-env', text]),
    ...execFile.flatMap((text) => ['--exec-file', text]),
  ];
}

/** Asks at the terminal; false where there is none. */
function isConfirmed(what: string): boolean {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return false;
  complain(`${what}\nExecute that? [y/N]`);
  const answer = Buffer.alloc(64);
  return /^y(es)?$/i.test(answer.toString('utf8', 0, readSync(0, answer, 0, answer.length, null)).trim());
}
