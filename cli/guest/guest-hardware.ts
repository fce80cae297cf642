import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestHardware, Target } from '../../drivers/target.ts';

/** What the machine of a guest has for the targets that are judged there. */
export interface MachineHardware {
  /** Words of QEMU. */
  readonly qemu: readonly string[];
  readonly kernelOptions: readonly string[];
}

/** Of all targets, each option that several ask for alike once. @param directory for files that stand behind devices. */
export function hardwareOf(targets: readonly Pick<Target, 'guest' | 'facts'>[], directory: string): MachineHardware {
  const qemu: string[] = [];
  const kernelOptions = new Set<string>();
  for (const { guest, facts } of targets) {
    if (guest === undefined) continue;
    const own = join(directory, facts.name);
    makeFiles(own, guest);
    for (const option of guest.kernelOptions ?? []) kernelOptions.add(option);
    const words = guest.qemu.map((word) => word.replaceAll('{dir}', own.replaceAll(',', ',,')));
    qemu.push(...withoutThose(words, qemu));
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

/** Options, each with its value, that are not there yet: two targets ask for one IOMMU. */
function withoutThose(words: readonly string[], there: readonly string[]): string[] {
  const isThere = (option: string, value: string): boolean =>
    there.some((word, at) => word === option && there[at + 1] === value);
  return words.flatMap((option, at) => {
    const value = words[at + 1];
    return at % 2 === 1 || value === undefined || isThere(option, value) ? [] : [option, value];
  });
}
