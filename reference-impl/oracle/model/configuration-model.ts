import {
  type FeatureName,
  type FeatureOwner,
  type FeatureSet,
  hasFeature,
  type RequirementSlug,
} from '../../catalogue/catalogue.ts';
import { blockConfig } from '../../devices/block-layout.ts';
import { netConfig } from '../../devices/net-layout.ts';
import { judgeFields } from './configuration-fields.ts';
import type { LibertyName } from './liberties.ts';
import type { Tell } from './observation.ts';

/** Bytes that every device of a type has: the capacity of a disk, the MAC address of a network device. */
const leastBytes: Readonly<Record<string, number>> = { block: 8, net: 6 };
export const leastConfiguration = (device: string): number => leastBytes[device] ?? 0;
const linkStatusBytes = 2;
const capacityBytes = 8;

export interface ConfiguredTarget extends FeatureOwner {
  readonly offer: FeatureSet;
  /** Block: sectors of the disk. */
  readonly capacity?: bigint;
}

/** Configuration space: each byte has one value, whichever window shows it. */
export class ConfigurationModel {
  readonly #tell: Tell;
  readonly #take: (liberty: LibertyName) => void;
  readonly #target: ConfiguredTarget;
  readonly #bytes: (number | undefined)[] = [];
  /** What the driver wrote, and the rule by which it is there. */
  readonly #written = new Map<number, RequirementSlug>();
  /** Bytes beside a window that was written, which were not read since. */
  readonly #beside = new Set<number>();

  /** Whether a byte may change at any time. */
  readonly #isOpen: (at: number) => boolean;

  constructor(
    target: ConfiguredTarget,
    isOpen: (at: number) => boolean,
    tell: Tell,
    take: (liberty: LibertyName) => void,
  ) {
    this.#isOpen = isOpen;
    this.#target = target;
    this.#tell = tell;
    this.#take = take;
  }

  /** A field that the driver may write, or that a command sets, holds what it wrote. */
  wrote(offset: number, bytes: Uint8Array, requirement: RequirementSlug = 'vu-config/guest-write-takes-effect'): void {
    for (const [n, byte] of bytes.entries()) {
      this.#bytes[offset + n] = byte;
      this.#written.set(offset + n, requirement);
    }
  }

  /** Virtio 5.2.5.2: of a disk whose driver begins with VIRTIO_BLK_F_CONFIG_WCE and without VIRTIO_BLK_F_FLUSH, `writeback` is 0. */
  began(before: FeatureSet, accepted: FeatureSet): void {
    if (this.#isUncached(before) || !this.#isUncached(accepted)) return;
    this.wrote(blockConfig.writeback, Uint8Array.of(0), 'blk/writeback-zero-without-flush');
  }

  #isUncached(accepted: FeatureSet): boolean {
    const has = (name: FeatureName): boolean => hasFeature(accepted, name, this.#target);
    return this.#target.device === 'block' && has('VIRTIO_BLK_F_CONFIG_WCE') && !has('VIRTIO_BLK_F_FLUSH');
  }

  /** A migration wrote a window, of any fields: it holds these bytes, and those beside it are as before. */
  restored(offset: number, bytes: Uint8Array): void {
    for (const at of this.#bytes.keys()) this.#beside.add(at);
    this.wrote(offset, bytes, 'vu-config/set-config-writes-its-window');
  }

  /** What these bytes hold may change. */
  forget(offset: number, length: number): void {
    for (let at = offset; at < offset + length; at++) {
      this.#bytes[at] = undefined;
      this.#written.delete(at);
    }
  }

  /** What a driver wrote may go with its session, and with the features that it was written under. */
  forgetWritten(): void {
    for (const at of this.#written.keys()) this.#bytes[at] = undefined;
    this.#written.clear();
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
      const isBeside = this.#beside.delete(at);
      if (before === undefined || this.#mayChange(at)) this.#bytes[at] = actual;
      else if (before !== actual) {
        this.#tell({
          requirement:
            this.#written.get(at) ??
            (isBeside ? 'vu-config/set-config-writes-its-window' : 'vu-config/get-config-window-equals-whole'),
          what: `byte ${at} of the configuration, read by a window from ${offset}`,
          expected: this.#written.has(at) ? String(before) : `${before}, as before`,
          actual: String(actual),
        });
        return;
      }
    }
    this.#checkCapacity(offset, bytes);
    // Another window that shows something else is told as such: what a field holds is read from the start.
    if (offset === 0)
      judgeFields(this.#target, this.#target.offer, this.#bytes, { offset, length: bytes.length }, this.#tell);
  }

  /** Virtio 5.2.4: the capacity is told in sectors of 512 bytes. */
  #checkCapacity(offset: number, bytes: Uint8Array): void {
    const { capacity, device } = this.#target;
    if (device !== 'block' || capacity === undefined || offset > 0 || bytes.length < capacityBytes) return;
    const told = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
    if (told === capacity) return;
    const requirement = 'blk/capacity-in-sectors';
    this.#tell({ requirement, what: 'the capacity', expected: `${capacity} sectors`, actual: String(told) });
  }

  #failed(offset: number, length: number): void {
    const least = leastConfiguration(this.#target.device);
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
    if (this.#isOpen(at)) return true;
    return this.#target.device === 'net' && at >= netConfig.status && at < netConfig.status + linkStatusBytes;
  }
}
