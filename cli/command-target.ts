import { basename, resolve } from 'node:path';
import type { Target } from '../drivers/target.ts';
import { externalTarget } from './external-target.ts';
import { shellLine, splitShellLine } from './shell-words.ts';
import { UsageError } from './usage-error.ts';

/** Options of `--exec` beside its command line. */
export interface CommandOptions {
  /** The device type that it serves. */
  readonly device: string;
  readonly execDirectory?: string;
  /** `NAME=VALUE` each. */
  readonly execEnv?: readonly string[];
  /** `NAME=BYTES` each. */
  readonly execFile?: readonly string[];
}

const readyWithinMs = 30_000;
/** `ld-linux-x86-64.so.2`, `ld-2.31.so`, `ld-musl-x86_64.so.1`: the program is the word behind its options. */
const dynamicLoader = /^ld[-.].*\.so(\.\d+)*$/;
/** Programs that run the script behind their options. */
const interpreter = /^(node|nodejs|deno|bun|python[\d.]*|ruby|perl|bash|sh)$/;
/** Options of an interpreter that take the next word: of some it is the script itself. */
const interpreterOptionsWithValue = ['-r', '--require', '--import', '--loader', '-W', '-X', '-I'];
/** The program stands in the next word, and has no name. */
const inlineScript = ['-e', '--eval', '-p', '-c', '-m'];
/** Options of a dynamic loader that take the next word. */
const loaderOptionsWithValue = ['--library-path', '--inhibit-rpath', '--audit', '--preload', '--argv0'];

/**
 * `--exec 'COMMAND {socket}'`: a back-end from the user's build tree, and the words that name it again.
 * @throws UsageError with one line.
 */
export function commandTarget(line: string, options: CommandOptions): { target: Target; words: string[] } {
  const [command, ...words] = splitShellLine(line);
  if (command === undefined) throw new UsageError('--exec: a command is missing');
  if (!words.some((word) => word.includes('{socket}'))) {
    throw new UsageError(
      `--exec: ${shellLine([command])} does not get its socket: write {socket} where its path belongs`,
    );
  }
  const { device, execDirectory, execEnv = [], execFile = [] } = options;
  const environment = Object.fromEntries(execEnv.map((text) => pairIn(text, '--exec-env')));
  const files = Object.fromEntries(execFile.map(fileIn));
  const { facts } = externalTarget('', nameOf(command, words), device);
  return {
    target: {
      facts: { ...facts, identity: line, capabilities: [...facts.capabilities, 'restart', 'resources'] },
      start: {
        command: command.includes('/') ? resolve(command) : command,
        arguments: words,
        environment,
        files,
        // As if typed at the shell: its relative paths are the caller's.
        workingDirectory: execDirectory === undefined ? process.cwd() : resolve(execDirectory),
        keepStdinOpen: true,
        readyWithinMs,
      },
      reach: { via: 'unix-socket', socket: 'iut.sock' },
      recovery: ['reconnect', 'restart'],
    },
    words: [
      ...['--exec', line, '--device', device],
      ...(execDirectory === undefined ? [] : ['--exec-directory', resolve(execDirectory)]),
      ...execEnv.flatMap((text) => ['--exec-env', text]),
      ...execFile.flatMap((text) => ['--exec-file', text]),
    ],
  };
}

function nameOf(command: string, words: readonly string[]): string {
  const own = basename(command);
  const behind = (taking: readonly string[]): number =>
    words.findIndex((word, at) => !word.startsWith('-') && !taking.includes(words[at - 1] ?? ''));
  if (dynamicLoader.test(own)) {
    const at = behind(loaderOptionsWithValue);
    return at < 0 ? own : nameOf(words[at] ?? own, words.slice(at + 1));
  }
  if (!interpreter.test(own)) return own;
  const at = behind(interpreterOptionsWithValue);
  return at < 0 || words.slice(0, at).some((word) => inlineScript.includes(word)) ? own : basename(words[at] ?? own);
}

function pairIn(text: string, option: string): [string, string] {
  const at = text.indexOf('=');
  if (at <= 0) throw new UsageError(`${option}: ${text} is not NAME=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function fileIn(text: string): [string, number] {
  const [name, bytes] = pairIn(text, '--exec-file');
  if (name.includes('/') || name === '.' || name === '..') {
    throw new UsageError(`--exec-file: ${name} is not the name of a file within {dir}`);
  }
  if (!/^\d{1,12}$/.test(bytes)) throw new UsageError(`--exec-file: ${bytes} is not a number of bytes`);
  return [name, Number(bytes)];
}
