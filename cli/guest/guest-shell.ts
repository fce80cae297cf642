import { GuestError } from './guest-error.ts';
import { type GuestSession, lastLines } from './guest-session.ts';

/**
 * Runs one shell command in the guest, from the present directory, with its output on ours.
 * @param isShown whether the console was shown as it came.
 * @returns its exit code. @throws GuestError where the kernel ended first.
 */
export async function runShellCommand(session: GuestSession, command: string, isShown: boolean): Promise<number> {
  session.machine.listenToBytes('output', (bytes) => process.stdout.write(bytes));
  const before = session.machine.consoleMark;
  const end = await session.runCommand(command);
  const isTrusted = end.kind === 'exited' && (await session.end());
  if (end.kind === 'exited' && isTrusted) return end.code;
  if (!isShown) process.stderr.write(session.machine.consoleSince(before));
  throw new GuestError(`the guest ended before the command: ${lastLines(session.machine.console)}`);
}
