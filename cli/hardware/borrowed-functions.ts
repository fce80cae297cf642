import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bindFunction, driverOf } from '../../drivers/pci/binding.ts';
import { ownChild } from '../own-children.ts';
import { UsageError } from '../usage-error.ts';
import { stateWords } from './function-state.ts';

const guardianScript = fileURLToPath(new URL('../../../fixtures/hardware/give-back.sh', import.meta.url));
const startWithinMs = 30_000;
const waitMs = 20;

/** A function that was taken from its driver, and the process that gives it back. */
interface BorrowedFunction {
  readonly address: string;
  readonly guardian: ChildProcess;
  readonly directory: string;
  readonly ended: Promise<number | null>;
}

const borrowed: BorrowedFunction[] = [];

/**
 * Binds a function to vfio-pci until `giveBack`, or until this process ends in any other way. No effect where it is bound
 * already. @throws DriverUsageError where it cannot be bound, UsageError where nothing would give it back.
 */
export function borrowFunction(address: string): void {
  if (driverOf(address) === 'vfio-pci') return;
  // It is there first: what is taken is given back.
  borrowed.push(startGuardian(address, stateWords(address)));
  bindFunction({ address, driver: 'vfio-pci' });
}

/** Gives all functions back, and tells what could not be restored, a line each. */
export async function giveBack(): Promise<string[]> {
  const problems: string[] = [];
  for (const { address, guardian, directory, ended } of borrowed.splice(0)) {
    guardian.stdin?.end();
    const code = await ended;
    if (code === 0) continue;
    const said = readFileSync(join(directory, 'errors'), 'utf8').trim().split('\n').join('; ');
    problems.push(`${address} is not given back: ${said === '' ? `exit code ${code}` : said}`);
    rmSync(directory, { recursive: true, force: true });
  }
  return problems;
}

function startGuardian(address: string, words: readonly string[]): BorrowedFunction {
  const directory = mkdtempSync(join(tmpdir(), 'vhost-conformance-guardian-'));
  const output = openSync(join(directory, 'output'), 'w');
  const errors = openSync(join(directory, 'errors'), 'w');
  // In a session of its own: what ends ours leaves it alone.
  const guardian = ownChild(
    spawn('sh', [guardianScript, directory, ...words], {
      detached: true,
      stdio: ['pipe', output, errors],
    }),
  );
  closeSync(output);
  closeSync(errors);
  const ended = new Promise<number | null>((resolve) => {
    guardian.once('exit', resolve);
    guardian.once('error', () => resolve(-1));
  });
  for (let waited = 0; readFileSync(join(directory, 'output'), 'utf8') !== 'ready\n'; waited += waitMs) {
    if (waited >= startWithinMs) {
      guardian.kill('SIGKILL');
      throw new UsageError(`${address}: the process that would give it back does not start`);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
  }
  return { address, guardian, directory, ended };
}
