import { setTimeout } from 'node:timers/promises';
import { exitCodeModule, programModule } from './bundled-programs.ts';

/** Runs commands that arrive on the IPC channel, one after another, as processes of their own would; see shared-run.ts. */

export interface Command {
  readonly words: readonly string[];
  readonly cwd: string;
  /** Written to both streams behind the output of the command. */
  readonly mark: string;
}

export interface Done {
  readonly code: number;
  /** The most memory that this process has had up to now, in KiB. */
  readonly memoryKb: number;
}

const { main }: typeof import('../program.ts') = await import(programModule);
const { exitCodeOf }: typeof import('../exit-code.ts') = await import(exitCodeModule);

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Waits until nothing of a command would keep a process of its own from ending. */
async function nothingIsAwaited(before: readonly string[]): Promise<void> {
  const isMore = (): boolean => {
    const now = process.getActiveResourcesInfo();
    for (const resource of before) {
      const at = now.indexOf(resource);
      if (at >= 0) now.splice(at, 1);
    }
    return now.length > 0;
  };
  while (isMore()) await setTimeout(1);
}

/** Takes back what a command leaves to the end of its process. */
function endOfCommand(before: ReadonlySet<unknown>): void {
  for (const listener of process.listeners('exit')) {
    if (before.has(listener)) continue;
    process.off('exit', listener);
    listener(0);
  }
  for (const signal of signals) process.removeAllListeners(signal);
  process.exitCode = undefined;
  process.chdir('/');
}

async function done({ words, cwd, mark }: Command): Promise<Done> {
  const before = new Set<unknown>(process.listeners('exit'));
  const resources = process.getActiveResourcesInfo();
  process.chdir(cwd);
  const code = await exitCodeOf(() => main(words));
  await nothingIsAwaited(resources);
  endOfCommand(before);
  process.stdout.write(mark);
  process.stderr.write(mark);
  return { code, memoryKb: process.resourceUsage().maxRSS };
}

// They are resources of this process from now on, and not of the first command that writes.
for (const stream of [process.stdout, process.stderr]) stream.write('');
process.on('disconnect', () => process.exit());
process.on('message', async (command: Command) => {
  process.send?.(await done(command));
});
