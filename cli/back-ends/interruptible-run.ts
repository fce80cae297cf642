import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Interruption } from '../interruption.ts';

/**
 * Runs a program of ours to its end, and gives its exit status; null where a signal ended it. A signal that asks this
 * process alone to end is passed on: the program ends cleanly, and this process behind it. In a session of its own it
 * gets none from the terminal, which would be its second.
 */
export async function ranToEnd(words: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'], detached: true });
  const interruption = new Interruption(() => child.kill('SIGTERM'));
  const end = (): void => {
    child.kill('SIGKILL');
  };
  process.on('exit', end);
  const [status] = (await once(child, 'close')) as [number | null];
  process.off('exit', end);
  interruption.stopListening();
  if (interruption.happened) process.exit(interruption.exitCode);
  return status;
}
