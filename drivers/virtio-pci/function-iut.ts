import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DriverUsageError, IutGoneError } from '../errors.ts';
import { eventsInUse } from '../iut-process/events-in-use.ts';
import type { Iut, IutExit, IutResources } from '../port/port.ts';
import { pciDirectory } from '../vfio/vfio-subject.ts';

/** A function on the PCI bus of this kernel: no process, so it has neither an exit nor CPU time. */
export class FunctionIut implements Iut {
  readonly #address: string;
  readonly #isAlone: boolean;

  /** @param isAlone this kernel is of no other use. */
  constructor(address: string, isAlone: boolean) {
    this.#address = address;
    this.#isAlone = isAlone;
  }

  isAlive(): boolean {
    return existsSync(pciDirectory(this.#address));
  }

  exit(): IutExit | undefined {
    return undefined;
  }

  cpuTimeMs(): undefined {}

  /** Event descriptors in this kernel, where nothing else holds any. */
  resources(): IutResources | undefined {
    if (!this.#isAlone) return undefined;
    const events = eventsInUse();
    return { descriptors: events, byIdentity: { 'anon_inode:[eventfd]': events }, mappings: {} };
  }

  /** A reset of the function by the kernel. No process may have it open. @throws IutGoneError where there is none. */
  reset(): void {
    try {
      writeFileSync(join(pciDirectory(this.#address), 'reset'), '1');
    } catch (error) {
      throw new IutGoneError(`${this.#address} is not reset: ${error instanceof Error ? error.message : error}`);
    }
  }

  restart(): void {
    throw new DriverUsageError(`${this.#address} is hardware, and is not started from here`);
  }

  close(): void {}
}
