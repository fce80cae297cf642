import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DriverUsageError } from '../errors.ts';
import { bindFunction } from '../pci/binding.ts';
import type { CreatedVdpa } from '../reach.ts';
import { pciDirectory } from '../vfio/vfio-subject.ts';

const devices = '/sys/bus/vdpa/devices';
const toolWithinMs = 10_000;

/** vDPA devices of this kernel, made and removed by the vdpa tool of iproute2. */
export class VdpaBus {
  has(name: string): boolean {
    return existsSync(join(devices, name));
  }

  /** Whether there is a management device that can make devices, or what it is made of. */
  hasParent({ parent, bound }: CreatedVdpa): boolean {
    if (bound !== undefined) return existsSync(pciDirectory(bound.address));
    return this.#tool(['mgmtdev', 'show']).output.includes(`${parent}:`);
  }

  /** Names of all devices. */
  names(): string[] {
    return existsSync(devices) ? readdirSync(devices) : [];
  }

  /** The device file of a device. @throws DriverUsageError where vhost_vdpa does not have it. */
  fileOf(name: string): string {
    const path = join(devices, name);
    const file = existsSync(path) ? readdirSync(path).find((entry) => entry.startsWith('vhost-vdpa-')) : undefined;
    if (file === undefined) throw new DriverUsageError(`${name} has no vhost-vdpa file: modprobe vhost_vdpa`);
    return join('/dev', file);
  }

  /** @throws DriverUsageError with what the tool says. */
  add(name: string, { parent, parameters, bound }: CreatedVdpa): void {
    if (bound !== undefined) bindFunction(bound);
    const words = Object.entries(parameters).flat();
    this.#done(['dev', 'add', 'name', name, 'mgmtdev', parent, ...words]);
  }

  /** What the tool shows of a device and of the management device that made it, by its command. */
  shown(name: string, parent: string): Readonly<Record<string, string>> {
    const commands = [
      ['mgmtdev', 'show', parent],
      ['dev', 'config', 'show', name],
    ];
    return Object.fromEntries(
      commands.map((words) => [`vdpa ${words.slice(0, -1).join(' ')}`, this.#tool(words).output.trim()]),
    );
  }

  remove(name: string): void {
    this.#done(['dev', 'del', name]);
  }

  #done(words: readonly string[]): void {
    const { code, output } = this.#tool(words);
    if (code !== 0) throw new DriverUsageError(`vdpa ${words.join(' ')}: ${output.trim().split('\n')[0] ?? ''}`);
  }

  #tool(words: readonly string[]): { readonly code: number | null; readonly output: string } {
    const { status, stdout, stderr, error } = spawnSync('vdpa', words, { encoding: 'utf8', timeout: toolWithinMs });
    if (error !== undefined) return { code: null, output: `vdpa of iproute2 cannot be run: ${error.message}` };
    return { code: status, output: `${stdout}${stderr}` };
  }
}
