import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type JudgingMachine, machineFacts } from '../../certificates/environment.ts';
import { sha256Of } from '../../certificates/statement.ts';
import { shellLine } from '../shell-words.ts';
import { GuestError } from './guest-error.ts';
import { GuestSession, type GuestSettings, lastLines } from './guest-session.ts';

const program = fileURLToPath(new URL('../certificates/machine-main.js', import.meta.url));

/** Boots a guest and asks its kernel what it is. @throws GuestError where it does not tell. */
export async function machineOfGuest(
  settings: GuestSettings,
  pciIds: readonly string[],
  signal: AbortSignal,
): Promise<JudgingMachine> {
  const session = await GuestSession.boot(settings, signal);
  const kill = (): void => session.machine.kill();
  signal.addEventListener('abort', kill, { once: true });
  let output = '';
  session.machine.listen('output', (text) => {
    output += text;
  });
  const end = await session.runCommand(shellLine([process.execPath, program, ...pciIds]));
  signal.removeEventListener('abort', kill);
  if (end.kind !== 'exited' || end.code !== 0 || !(await session.end())) {
    session.machine.kill();
    await session.machine.ended;
    throw new GuestError(`the guest does not tell its kernel: ${lastLines(`${session.machine.console}\n${output}`)}`);
  }
  return { ...factsIn(output), guest: guestOf(settings) };
}

function factsIn(output: string): JudgingMachine {
  try {
    return machineFacts.parse(JSON.parse(output));
  } catch (cause) {
    throw new GuestError(`the guest does not tell its kernel: ${output.slice(0, 200)}`, { cause });
  }
}

function guestOf({ qemu, acceleration, modules }: GuestSettings): NonNullable<JudgingMachine['guest']> {
  const [emulator = qemu] = execFileSync(qemu, ['--version'], { encoding: 'utf8' }).split('\n');
  return {
    emulator,
    acceleration,
    hostKernel: release(),
    modules: modules.map(({ path }) => ({ name: basename(path), sha256: sha256Of(readFileSync(path)) })),
  };
}
