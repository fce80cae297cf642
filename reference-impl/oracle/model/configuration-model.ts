import { netConfig } from '../../devices/net-layout.ts';
import type { LibertyName } from './liberties.ts';
import type { Tell } from './observation.ts';

/** Bytes that every device of a type has: the capacity of a disk, the MAC address of a network device. */
const leastBytes: Readonly<Record<string, number>> = { block: 8, net: 6 };
const linkStatusBytes = 2;

/** Configuration space: each byte has one value, whichever window shows it. */
export class ConfigurationModel {
  readonly #tell: Tell;
  readonly #take: (liberty: LibertyName) => void;
  readonly #device: string;
  readonly #bytes: (number | undefined)[] = [];

  constructor(device: string, tell: Tell, take: (liberty: LibertyName) => void) {
    this.#device = device;
    this.#tell = tell;
    this.#take = take;
  }

  /** @param bytes undefined where the read failed. */
  read(offset: number, length: number, bytes: Uint8Array | undefined): void {
    if (bytes === undefined) {
      this.#failed(offset, length);
      return;
    }
    this.#take('configuration-values');
    for (let n = 0; n < bytes.length; n++) {
      const at = offset + n;
      const before = this.#bytes[at];
      const actual = bytes[n] as number;
      if (before === undefined || this.#mayChange(at)) this.#bytes[at] = actual;
      else if (before !== actual) {
        this.#tell({
          requirement: 'vu-config/get-config-window-equals-whole',
          what: `byte ${at} of the configuration, read by a window from ${offset}`,
          expected: `${before}, as before`,
          actual: String(actual),
        });
        return;
      }
    }
  }

  #failed(offset: number, length: number): void {
    const least = leastBytes[this.#device] ?? 0;
    if (offset + length > least) {
      this.#take('configuration-end');
      return;
    }
    this.#tell({
      requirement: 'vu-config/get-config-reply-has-request-size',
      what: `a read of ${length} bytes of configuration at ${offset}`,
      expected: 'bytes: every device of this type has them',
      actual: 'a failure',
    });
  }

  #mayChange(at: number): boolean {
    return this.#device === 'net' && at >= netConfig.status && at < netConfig.status + linkStatusBytes;
  }
}
