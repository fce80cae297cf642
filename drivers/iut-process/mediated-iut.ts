import { DriverUsageError, IutGoneError } from '../errors.ts';
import type { Iut, IutExit, IutResources } from '../port/port.ts';
import type { MdevSysfs } from '../vfio/mdev-sysfs.ts';
import { eventsInUse } from './events-in-use.ts';

/** How a mediated device comes, where it is ours to create. */
export type CreateDevice = () => void;

/**
 * A mediated device of the kernel: no process, so it has neither an exit nor CPU time. It
 * lives as long as sysfs has it.
 */
export class MediatedIut implements Iut {
  readonly #sysfs: MdevSysfs;
  readonly #uuid: string;
  readonly #create: CreateDevice | undefined;

  /** Creates the device at once, where `create` says how. */
  constructor(sysfs: MdevSysfs, uuid: string, create?: CreateDevice) {
    this.#sysfs = sysfs;
    this.#uuid = uuid;
    this.#create = create;
    create?.();
  }

  isAlive(): boolean {
    return this.#sysfs.has(this.#uuid);
  }

  exit(): IutExit | undefined {
    return undefined;
  }

  cpuTimeMs(): undefined {}

  /**
   * Event descriptors in this kernel, where the device is ours and so is the machine: those that the device holds are
   * among them.
   */
  resources(): IutResources | undefined {
    if (this.#create === undefined) return undefined;
    const events = eventsInUse();
    return { descriptors: events, byIdentity: { 'anon_inode:[eventfd]': events }, mappings: {} };
  }

  /**
   * Removes the device and creates it again. No process may have it open.
   * @throws DriverUsageError where it is not ours, IutGoneError where it does not come back.
   */
  restart(): void {
    const create = this.#create;
    if (create === undefined) {
      throw new DriverUsageError(`${this.#uuid} was not created by us and cannot be created anew from here`);
    }
    try {
      this.close();
      create();
    } catch (error) {
      throw error instanceof DriverUsageError ? new IutGoneError(error.message) : error;
    }
  }

  /** Removes the device if it is ours and there. */
  close(): void {
    if (this.#create !== undefined && this.isAlive()) this.#sysfs.remove(this.#uuid);
  }
}
