import { existsSync } from 'node:fs';
import { DriverUsageError, IutGoneError } from '../errors.ts';
import { eventsInUse } from '../iut-process/events-in-use.ts';
import type { Iut, IutExit, IutResources } from '../port/port.ts';
import type { CreatedVdpa } from '../reach.ts';
import { ServedVdpa } from './served-vdpa.ts';
import type { VdpaBus } from './vdpa-bus.ts';

/** A vhost-vdpa device that exists already: it is there as long as its file is. */
export class ExistingVdpa implements Iut {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  isAlive(): boolean {
    return existsSync(this.path);
  }

  exit(): IutExit | undefined {
    return undefined;
  }

  cpuTimeMs(): undefined {}

  resources(): undefined {}

  restart(): void {
    throw new DriverUsageError(`${this.path} was not made by us and cannot be made anew from here`);
  }

  close(): void {}
}

/** Begins the names of devices that we make. The rest is the process that did. */
const ours = 'vc';

export const ownVdpaName = (pid: number = process.pid): string => `${ours}${pid}`;

/** Removes our devices whose process is gone: a killed run leaves them behind. */
export function removeVdpaLeftBehind(bus: VdpaBus): void {
  for (const name of bus.names()) {
    const pid = new RegExp(`^${ours}(\\d+)$`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) bus.remove(name);
  }
}

/** A vDPA device of ours. Without a program that serves it there is no process, and neither an exit nor CPU time. */
export class CreatedVdpaIut implements Iut {
  readonly #bus: VdpaBus;
  readonly #served: ServedVdpa | undefined;
  readonly #name: string;
  readonly #created: CreatedVdpa;

  /** Makes the device at once. @throws DriverUsageError. */
  constructor(bus: VdpaBus, name: string, created: CreatedVdpa) {
    this.#bus = bus;
    this.#name = name;
    this.#created = created;
    this.#served = created.server === undefined ? undefined : new ServedVdpa(created.server, name);
    this.#make();
  }

  get path(): string {
    return this.#bus.fileOf(this.#name);
  }

  isAlive(): boolean {
    return this.#bus.has(this.#name) && this.#served?.isAlive !== false;
  }

  exit(): IutExit | undefined {
    return this.#served?.exit();
  }

  cpuTimeMs(): undefined {}

  /** Event descriptors in this kernel: those that the device holds are among them. */
  resources(): IutResources {
    const events = eventsInUse();
    return { descriptors: events, byIdentity: { 'anon_inode:[eventfd]': events }, mappings: {} };
  }

  /** Removes the device and makes it again. No process may have it open. @throws IutGoneError where it does not come back. */
  restart(): void {
    try {
      this.#unmake();
      this.#make();
    } catch (error) {
      throw error instanceof DriverUsageError ? new IutGoneError(error.message) : error;
    }
  }

  close(): void {
    this.#unmake();
    this.#served?.close();
  }

  #make(): void {
    this.#served?.start();
    try {
      this.#bus.add(this.#name, this.#created);
    } catch (error) {
      this.#served?.end();
      throw error;
    }
  }

  #unmake(): void {
    if (this.#bus.has(this.#name)) this.#bus.remove(this.#name);
    this.#served?.end();
  }
}
