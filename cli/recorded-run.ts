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
/** Those by which a run reaches beyond its own directory. */
type OutsideOptions = ExecutedOptions & Pick<RunOptions, 'pair' | 'expect'>;

/**
 * What the run in a directory was asked for. A command of the user's, a target that is served elsewhere and a file of
 * expectations are in those records, which may come from a stranger: they are executed, reached and read only if they
 * were typed again, or confirmed at the terminal.
 * @param typed the options beside `--resume`.
 * @throws UsageError where something else is asked for now, or what reaches outside is not confirmed; RecordError where
 * the directory holds no run.
 */
export function recordedRun(
  root: string,
  names: readonly string[],
  typed: RunOptions,
  place: RunCommand,
): { readonly names: readonly string[]; readonly options: RunOptions } {
  const { run } = readRecords(openRunDirectory(root).results);
  const isOfGuest = run.command[1] === 'guest';
  if (isOfGuest !== (place === 'guest')) {
    throw new UsageError(`--resume ${root}: ran ${isOfGuest ? 'in a guest: say "guest -- run"' : 'here: say "run"'}`);
  }
  const command = addRunOptions(new Command('run')).exitOverride();
  command.parse(run.command.slice(isOfGuest ? run.command.indexOf('--') + 2 : 2), { from: 'user' });
  const recorded = command.opts<RunOptions>();
  const own = command.args;
  const other = names.find((name) => !own.includes(name) || !isServedElsewhere(name));
  if (other !== undefined) throw new UsageError(`--resume ${root}: keeps its own targets; ${other} is none to name`);
  const unsaid = unsaidWords(own, recorded, names, typed);
  if (unsaid.length > 0 && !isConfirmed(`The run in ${root} reaches outside of it: ${shellLine(unsaid)}`)) {
    const line = shellLine(unsaid);
    throw new UsageError(
      `--resume ${root}: would execute or reach what its records name outside of it; if you want that, add: ${line}`,
    );
  }
  const executing = executedWords(typed).length > 0 ? typed : recorded;
  const executed = executedWords(recorded).length > 0 ? executedOf(executing) : nothingExecuted;
  const expect = typed.expect.length > 0 ? typed.expect : recorded.expect;
  // Consent is given anew.
  const { yes, despite } = typed;
  return {
    names: own,
    options: { ...recorded, ...executed, yes, despite, expect },
  };
}

/** What is there already, on this machine: a run writes to it. */
const isServedElsewhere = (name: string): boolean => /^(vhost-user|mdev|vhost-vdpa|vhost-net|vfio-pci):/.test(name);
const isPairServedElsewhere = (words: string): boolean => isServedElsewhere(words.slice(words.indexOf('=') + 1));

/** Options that stand behind a name, with a word each. */
const consentOptions = ['--yes', '--despite'];
const nothingExecuted: ExecutedOptions = { targetFile: [], execEnv: [], execFile: [] };

/** What of a recorded run reaches outside, and was not typed again. */
function unsaidWords(
  own: readonly string[],
  recorded: OutsideOptions,
  names: readonly string[],
  typed: OutsideOptions,
): string[] {
  const unnamed = own.filter((name) => !names.includes(name));
  const pair = recorded.pair.filter((words) => !typed.pair.includes(words));
  const expect = typed.expect.length > 0 ? [] : recorded.expect;
  const executed = executedWords(typed).length > 0 ? nothingExecuted : executedOf(recorded);
  return outsideWords(unnamed, { pair, expect, ...executed });
}

/** The words by which a run reaches outside of its directory; none where it judges built-in targets alone. */
export function outsideWords(names: readonly string[], options: OutsideOptions): string[] {
  return [
    ...names.filter(
      (name, at) =>
        isServedElsewhere(name) || [name, names[at - 1]].some((word) => consentOptions.includes(word ?? '')),
    ),
    ...options.pair.filter(isPairServedElsewhere).flatMap((words) => ['--pair', words]),
    ...options.expect.flatMap((file) => ['--expect', file]),
    ...executedWords(options),
  ];
}

function executedOf({ exec, targetFile, execDirectory, execEnv, execFile }: ExecutedOptions): ExecutedOptions {
  return {
    ...(exec === undefined ? {} : { exec }),
    targetFile,
    ...(execDirectory === undefined ? {} : { execDirectory }),
    execEnv,
    execFile,
  };
}

/** The words that ask for an execution. */
function executedWords({ exec, targetFile, execDirectory, execEnv, execFile }: ExecutedOptions): string[] {
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
  complain(`${what}\nGo on? [y/N]`);
  const answer = Buffer.alloc(64);
  return /^y(es)?$/i.test(answer.toString('utf8', 0, readSync(0, answer, 0, answer.length, null)).trim());
}
