import { resolve } from 'node:path';
import { workloadOfReference } from '../../drivers/devices/device-types.ts';
import { UsageError } from '../usage-error.ts';
import { createFile } from './source-tree.ts';

export interface TargetOptions {
  readonly device?: string;
  readonly exec?: string;
}

/** Writes a target file for a vhost-user back-end that is started by a command. Returns what to do next. @throws UsageError */
export function newTarget(directory: string, name: string, { device, exec }: TargetOptions): string[] {
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(name))
    throw new UsageError(`${name}: a name has small letters, digits, dots and hyphens`);
  if (device !== 'block' && device !== 'net') throw new UsageError('new target wants --device block or --device net');
  const [command, ...words] = exec?.trim().split(/\s+/) ?? [];
  if (command === undefined || command === '' || !words.some((word) => word.includes('{socket}'))) {
    throw new UsageError("new target wants --exec 'COMMAND … {socket}', with the place of its socket");
  }
  const target = {
    facts: {
      name,
      transport: 'vhost-user',
      device,
      identity: name,
      workload: workloadOfReference(device),
      capabilities: ['restart', 'resources'],
    },
    reach: { via: 'unix-socket', socket: `${name}.sock` },
    start: { command, arguments: words, readyWithinMs: 5000 },
    recovery: ['reconnect', 'restart'],
  };
  const file = `${name}.json`;
  createFile(resolve(directory, file), file, `${JSON.stringify(target, undefined, 2)}\n`);
  return [
    `made: ${file}`,
    'fill in: "identity", "workload" (what the device does with a buffer) and "capabilities": docs/TARGETS.md has each field',
    `next: vhost-conformance run --target-file ${file}`,
  ];
}
