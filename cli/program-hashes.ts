import { binaryHash } from '../drivers/iut-process/target-version.ts';
import type { Target } from '../drivers/target.ts';

/** SHA-256 of the programs that a run starts, each read once: it takes longer than the start of a host. */
export class ProgramHashes {
  readonly #known = new Map<string, Promise<string | undefined>>();

  /** Undefined where the target is not started by a command, or its program cannot be read. */
  async of({ start }: Target): Promise<string | undefined> {
    if (start === undefined) return undefined;
    const known = this.#known.get(start.command) ?? binaryHash(start.command);
    this.#known.set(start.command, known);
    return await known;
  }
}
