import { accessSync, constants, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { z } from 'zod';
import { findCommand } from '../drivers/iut-process/target-version.ts';
import type { Target, WorkloadFacts } from '../drivers/target.ts';
import { targetByName, targets } from '../fixtures/targets/index.ts';
import { didYouMean } from './near-matches.ts';
import { shellLine, splitShellLine } from './shell-words.ts';
import { readTargetFile } from './target-file.ts';
import { UsageError } from './usage-error.ts';

/** A target as it was asked for on the command line. */
export interface TargetArgument {
  readonly target: Target;
  /** The words that ask for it again. */
  readonly words: readonly string[];
}

export interface TargetOptions {
  readonly targetFile?: string;
  readonly exec?: string;
  /** What `--exec` serves. */
  readonly device: DeviceName;
}

export const deviceNames = ['block', 'net'] as const;
export type DeviceName = (typeof deviceNames)[number];

const externalScheme = 'vhost-user:';
const defaultSectors = 2048;

const queries = {
  device: z.enum(deviceNames).default('block'),
  sectors: z.coerce.number().int().positive().default(defaultSectors),
  returns: z.enum(['same-port', 'none']).default('none'),
  reflects: z.enum(['unchanged', 'macs-swapped']).default('unchanged'),
};
const query = z.strictObject(queries);
type Query = z.infer<typeof query>;

/**
 * The targets that a command line names.
 * @throws UsageError with one line for a name that no target has, a socket that cannot be one, a missing command.
 */
export function targetsOf(names: readonly string[], options: TargetOptions): TargetArgument[] {
  const found = names.map((name) => targetOf(name));
  if (options.targetFile !== undefined) found.push(fromFile(options.targetFile));
  if (options.exec !== undefined) found.push(fromCommand(options.exec, options.device));
  if (found.length === 0) {
    throw new UsageError(`no target: name one of ${targetNames().join(', ')}, or vhost-user:PATH, or use --exec`);
  }
  const seen = new Set<string>();
  for (const { target } of found) {
    if (seen.has(target.facts.name)) throw new UsageError(`${target.facts.name}: named twice`);
    seen.add(target.facts.name);
    if (target.start !== undefined) checkCommand(target);
  }
  return found;
}

export function targetNames(): string[] {
  return targets.map(({ facts }) => facts.name);
}

function targetOf(name: string): TargetArgument {
  if (name.startsWith(externalScheme)) return fromSocket(name);
  const target = targetByName(name);
  if (target !== undefined) return { target, words: [name] };
  const near = didYouMean(name, [...targetNames(), externalScheme]);
  throw new UsageError(
    `${name}: no such target${near || `; there are ${targetNames().join(', ')} and vhost-user:PATH`}`,
  );
}

/** `vhost-user:PATH?device=net`: a socket that somebody else serves. */
function fromSocket(name: string): TargetArgument {
  const [path = '', search] = name.slice(externalScheme.length).split('?', 2);
  if (path === '') throw new UsageError(`${name}: a path is missing (vhost-user:PATH)`);
  const parsed = query.safeParse(Object.fromEntries(new URLSearchParams(search ?? '')));
  if (!parsed.success) throw new UsageError(`${name}: ${queryProblem(parsed.error)}`);
  const socket = resolve(path);
  checkSocket(socket, path);
  return {
    target: {
      facts: {
        name: `${externalScheme}${path}`,
        transport: 'vhost-user',
        device: parsed.data.device,
        identity: `vhost-user socket ${socket}`,
        workload: workloadOf(parsed.data),
        capabilities: ['initial-base'],
        ownedBy: {},
        requiredFeatures: [],
        deadlineScale: 1,
      },
      socket,
      recovery: ['reconnect'],
    },
    words: [`${externalScheme}${socket}${search === undefined ? '' : `?${search}`}`],
  };
}

/** `--exec 'COMMAND {socket}'`: a back-end from one's own build tree. */
function fromCommand(line: string, device: DeviceName): TargetArgument {
  const [command, ...words] = splitShellLine(line);
  if (command === undefined) throw new UsageError('--exec: a command is missing');
  if (!words.some((word) => word.includes('{socket}'))) {
    throw new UsageError(
      `--exec: ${shellLine([command])} is not told its socket: write {socket} where its path belongs`,
    );
  }
  return {
    target: {
      facts: {
        name: basename(command),
        transport: 'vhost-user',
        device,
        identity: line,
        workload: workloadOf(query.parse({ device })),
        capabilities: ['initial-base', 'restart', 'resources'],
        ownedBy: {},
        requiredFeatures: [],
        deadlineScale: 1,
      },
      start: {
        command: command.includes('/') ? resolve(command) : command,
        arguments: words,
        keepStdinOpen: true,
        readyWithinMs: 30_000,
      },
      socket: 'iut.sock',
      recovery: ['reconnect', 'restart'],
    },
    words: ['--exec', line, '--device', device],
  };
}

function fromFile(path: string): TargetArgument {
  const target = readTargetFile(path);
  if (target.start === undefined) checkSocket(resolve(target.socket), target.socket);
  return { target, words: ['--target-file', resolve(path)] };
}

function workloadOf({ device, sectors, returns, reflects }: Query): WorkloadFacts {
  if (device === 'block') return { kind: 'block', queueIndex: 0, companions: [], sectors };
  return { kind: 'net', queueIndex: 1, companions: [0], receiveIndex: 0, returns, reflects };
}

function queryProblem(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue?.code === 'unrecognized_keys') {
    return `${issue.keys.join(', ')} is unknown${didYouMean(issue.keys[0] ?? '', Object.keys(queries))}`;
  }
  return `${issue?.path.join('.')}: ${issue?.message}`;
}

/** What can be said of a socket without connecting: some back-ends end with their first connection. */
function checkSocket(path: string, shown: string): void {
  try {
    const status = statSync(path);
    if (status.isDirectory()) throw new UsageError(`${shown}: is a directory, not a socket`);
    if (!status.isSocket()) throw new UsageError(`${shown}: is not a socket`);
    accessSync(path, constants.W_OK);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${shown}: ${socketProblem(error)}`);
  }
}

const socketProblems: Readonly<Record<string, string>> = {
  ENOENT: 'no such socket',
  ENOTDIR: 'no such socket',
  EACCES: 'no permission to connect to this socket',
  ENAMETOOLONG: 'too long for the path of a socket',
};

function socketProblem(error: unknown): string {
  return socketProblems[codeOf(error) ?? ''] ?? (error instanceof Error ? error.message : String(error));
}

function checkCommand({ start, packages = [], facts }: Target): void {
  const command = start?.command ?? '';
  if (findCommand(command) !== undefined) return;
  const remedy = packages.length === 0 ? '' : `; apt-get install ${packages.join(' or ')}`;
  throw new UsageError(`${facts.name}: ${command} is not there or cannot be executed${remedy}`);
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
