import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from './atomic-file.ts';
import { type CampaignState, readState } from './campaign-state.ts';

/** Below the directory of a campaign: what is of one of its instances alone. */
const instancesDirectory = 'instances';
/** Below that of an instance. */
export const untriagedDirectory = 'untriaged';
const ownerFile = 'owner';

/** The directory of an instance: its state, the program that it runs, and what it did not look into. */
export const instanceDirectory = (directory: string, instance = 'alone'): string =>
  join(directory, instancesDirectory, instance);

export function instanceNames(directory: string): string[] {
  const path = join(directory, instancesDirectory);
  return existsSync(path) ? readdirSync(path).sort() : [];
}

/** Of all instances that ever ran in a directory. */
export const instanceStates = (directory: string): CampaignState[] =>
  instanceNames(directory).map((name) => readState(instanceDirectory(directory, name)));

/**
 * Takes instances of this machine that no living process has: those that were killed first. Their names hold that of the
 * machine, so that several may share the directory.
 */
export function claimInstances(directory: string, count: number): string[] {
  const claimed: string[] = [];
  for (let number = 0; claimed.length < count; number++) {
    const name = `${machine}-${number}`;
    const place = instanceDirectory(directory, name);
    mkdirSync(place, { recursive: true });
    if (isClaimed(join(place, ownerFile))) claimed.push(name);
  }
  return claimed;
}

export function releaseInstances(directory: string, names: readonly string[]): void {
  for (const name of names) rmSync(join(instanceDirectory(directory, name), ownerFile), { force: true });
}

function isClaimed(path: string): boolean {
  const owner = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const [pid = ''] = owner.split(' ');
  if (owner !== '' && processOf(pid) === owner) return false;
  try {
    rmSync(path, { force: true });
    writeFileSync(path, processOf(String(process.pid)) ?? '', { flag: 'wx' });
    return true;
  } catch (error) {
    // Another command was faster.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

const startTimePlace = 19;

/** A process by its number and when it began, since numbers are used again; undefined where there is none. */
function processOf(pid: string): string | undefined {
  try {
    const [, fields = ''] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return `${pid} ${fields.split(' ')[startTimePlace]}`;
  } catch {
    return undefined;
  }
}
