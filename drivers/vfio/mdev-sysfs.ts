import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DriverUsageError } from '../errors.ts';

/** Three words, and the name `GNU` in a fourth. */
const noteHeaderSize = 16;

const entriesOf = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};

/** Mediated devices as sysfs has them: which there are, and how one comes and goes. */
export class MdevSysfs {
  readonly #root: string;

  constructor(root = '/sys') {
    this.#root = root;
  }

  /** UUIDs of all that there are. */
  uuids(): string[] {
    return entriesOf(join(this.#root, 'bus/mdev/devices'));
  }

  has(uuid: string): boolean {
    return existsSync(this.#directoryOf(uuid));
  }

  /** What its parent says that it is: `vfio-pci`, `vfio-vhost`. Undefined where there is no such device. */
  deviceApi(uuid: string): string | undefined {
    return this.#textOf(join(this.#directoryOf(uuid), 'mdev_type/device_api'));
  }

  hasModule(name: string): boolean {
    return existsSync(join(this.#root, 'module', name));
  }

  /** The build id of a loaded module, in hexadecimal: what tells one build from another. */
  moduleBuildId(name: string): string | undefined {
    try {
      const note = readFileSync(join(this.#root, 'module', name, 'notes/.note.gnu.build-id'));
      return note.subarray(noteHeaderSize).toString('hex');
    } catch {
      return undefined;
    }
  }

  /** @throws DriverUsageError where the module has no such parameter, or does not take the value. */
  setParameter(module: string, parameter: string, value: string): void {
    const file = join(this.#root, 'module', module, 'parameters', parameter);
    this.#store(file, value, `the parameter ${parameter} of ${module} cannot be set to ${value}`);
  }

  /**
   * Creates a device of the first type whose name ends so (`vhost-mdev-net`), on any parent.
   * @throws DriverUsageError where no parent has such a type, or none is to be had.
   */
  create(type: string, uuid: string): void {
    const parents = join(this.#root, 'class/mdev_bus');
    for (const parent of entriesOf(parents)) {
      const types = join(parents, parent, 'mdev_supported_types');
      const found = entriesOf(types).find((name) => name.endsWith(type));
      if (found === undefined) continue;
      this.#store(join(types, found, 'create'), uuid, `no device of type ${found} could be created`);
      return;
    }
    throw new DriverUsageError(`no driver here has mediated devices of type ${type}`);
  }

  /** Returns when the device is gone: waits until no process has it open. @throws DriverUsageError where it cannot go. */
  remove(uuid: string): void {
    this.#store(join(this.#directoryOf(uuid), 'remove'), '1', `${uuid} could not be removed`);
  }

  #directoryOf(uuid: string): string {
    return join(this.#root, 'bus/mdev/devices', uuid);
  }

  #textOf(file: string): string | undefined {
    try {
      return readFileSync(file, 'utf8').trim();
    } catch {
      return undefined;
    }
  }

  #store(file: string, text: string, failure: string): void {
    try {
      const fd = openSync(file, constants.O_WRONLY);
      try {
        writeSync(fd, text);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      throw new DriverUsageError(`${failure}: ${code}${code === 'EACCES' ? ' (run as root)' : ''}`);
    }
  }
}
