import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import type { ProgramRules } from '../../reference-impl/vhost-user/program-rules.ts';

/** Types of back-ends, as their capabilities name them. */
const types: Readonly<Record<ReferenceDevice, string>> = {
  block: 'block',
  net: 'net',
  entropy: 'rng',
  crypto: 'crypto',
  fs: 'fs',
  vsock: 'vsock',
};

const followingWord = '--ends-with-socket';
const lookEveryMs = 20;

/** Prints what `--print-capabilities` asks for. Other words mean nothing then. */
export function printCapabilities(words: readonly string[], rules: ProgramRules): never {
  const at = words.indexOf('--device');
  const device = Object.entries(types).find(([name]) => name === words[at + 1]);
  process.stdout.write(rules.capabilities(device?.[1] ?? types.block));
  process.exit(rules.capabilitiesStatus);
}

/** Whether this is the process that another one has left behind. */
export const isLeftBehind = (): boolean => process.argv.includes(followingWord);

/** Leaves another process behind, and exits once that has bound the socket. */
export function leaveAnother(socket: string): never {
  spawn(process.execPath, [...process.argv.slice(1), followingWord], { detached: true, stdio: 'ignore' }).unref();
  while (!existsSync(socket)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookEveryMs);
  return process.exit(0);
}

/** Ends this process, which no parent waits for, once the socket that it has bound is gone. */
export function endWithSocket(socket: string): void {
  setInterval(() => {
    if (!existsSync(socket)) process.exit(0);
  }, lookEveryMs).unref();
}
