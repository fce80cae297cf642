import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import type { ReferenceDevice } from '../../reference-impl/devices/reference-devices.ts';
import type { ProgramRules } from '../../reference-impl/vhost-user/program-rules.ts';

/** Types of back-ends, as their capabilities name them. */
const types: Readonly<Record<ReferenceDevice, string>> = { block: 'block', net: 'net', entropy: 'rng' };

/** `__SO_ACCEPTCON` in the Flags column of /proc/net/unix. */
const listens = '00010000';
const followingWord = '--ends-with-socket';
const lookEveryMs = 20;

/** Prints what `--print-capabilities` asks for. Other words mean nothing then. */
export function printCapabilities(words: readonly string[], rules: ProgramRules): never {
  const at = words.indexOf('--device');
  const device = Object.entries(types).find(([name]) => name === words[at + 1]);
  process.stdout.write(rules.capabilities(device?.[1] ?? types.block));
  process.exit(rules.capabilitiesStatus);
}

/** Whether a descriptor that was inherited is a socket that listens; else it is connected. */
export function isListeningSocket(descriptor: number): boolean {
  const inode = /\[(\d+)\]/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
  return readFileSync('/proc/net/unix', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/ +/))
    .some((fields) => fields[6] === inode && fields[3] === listens);
}

/** Whether this is the process that another one has left behind. */
export const isLeftBehind = (): boolean => process.argv.includes(followingWord);

/** Leaves another process behind, and exits once that has bound the socket. */
export function leaveAnother(socket: string): never {
  spawn(process.execPath, [...process.argv.slice(1), followingWord], { detached: true, stdio: 'ignore' }).unref();
  while (!existsSync(socket)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookEveryMs);
  return process.exit(0);
}

/** Nobody waits for this process: it ends once the socket that it has bound is gone. */
export function endWithSocket(socket: string): void {
  setInterval(() => {
    if (!existsSync(socket)) process.exit(0);
  }, lookEveryMs).unref();
}
