import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestHardware, Target } from '../../drivers/target.ts';

/** What the machine of a guest has for the targets that are judged there. */
export interface MachineHardware {
  readonly qemu: readonly string[];
  readonly kernelOptions: readonly string[];
}

/** Of all targets, each word that several ask for alike once. @param directory for files that stand behind devices. */
export async function hardwareOf(
  targets: readonly Pick<Target, 'guest' | 'facts'>[],
  directory: string,
): Promise<MachineHardware> {
  const qemu: string[] = [];
  const kernelOptions = new Set<string>();
  for (const { guest, facts } of targets) {
    if (guest === undefined) continue;
    for (const option of guest.kernelOptions ?? []) kernelOptions.add(option);
    const own = join(directory, facts.name);
    makeFiles(own, guest);
    qemu.push(...added(qemu, expanded(guest.qemu, own, String(await freePort()))));
  }
  return { qemu, kernelOptions: [...kernelOptions] };
}

function makeFiles(directory: string, { files = {} }: GuestHardware): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    const file = openSync(join(directory, name), 'w');
    ftruncateSync(file, bytes);
    closeSync(file);
  }
}

const expanded = (words: readonly string[], directory: string, port: string): string[] =>
  words.map((word) => word.replaceAll('{dir}', directory.replaceAll(',', ',,')).replaceAll('{port}', port));

/** Options, each with its value, that are not there yet: two targets may ask for one IOMMU. */
function added(there: readonly string[], words: readonly string[]): string[] {
  const has = (option: string, value: string): boolean =>
    there.some((word, at) => word === option && there[at + 1] === value);
  return words.flatMap((word, at) =>
    at % 2 === 1 || has(word, words[at + 1] ?? '') ? [] : [word, words[at + 1] ?? ''],
  );
}

/** A UDP port that nobody has now. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
