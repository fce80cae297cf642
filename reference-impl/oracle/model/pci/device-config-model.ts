import { featureMask } from '../../../catalogue/feature-set.ts';
import { blockConfig } from '../../../devices/block-layout.ts';
import type { CallCheck } from '../mdev/call-check.ts';

const configWce = featureMask('VIRTIO_BLK_F_CONFIG_WCE');
const flush = featureMask('VIRTIO_BLK_F_FLUSH');
/** Virtio 5.2. */
const block = 2;

/** Configuration of the device, and its generation. */
export class PciDeviceConfigModel {
  readonly #check: CallCheck;
  readonly #deviceId: number | undefined;
  readonly #seen = new Map<number, number>();
  #generation: number | undefined;
  /** A value was read that had changed since some of it was read last. */
  #hasChanged = false;
  /** Of a disk: what the driver wrote into `writeback`. */
  #writeback: number | undefined;

  constructor(deviceId: number | undefined, check: CallCheck) {
    this.#deviceId = deviceId;
    this.#check = check;
  }

  forget(): void {
    this.#seen.clear();
    this.#generation = undefined;
    this.#hasChanged = false;
    this.#writeback = undefined;
  }

  wrote(offset: number, bytes: Uint8Array, accepted: bigint | undefined): void {
    const covers = offset <= blockConfig.writeback && blockConfig.writeback < offset + bytes.length;
    if (!covers) return;
    this.#writeback = undefined;
    const [value] = bytes;
    const isLawful = this.#deviceId === block && bytes.length === 1 && value !== undefined && value <= 1;
    const isOwn = accepted !== undefined && (accepted & configWce) !== 0n && (accepted & flush) !== 0n;
    if (isLawful && isOwn) this.#writeback = value;
  }

  read(offset: number, bytes: Uint8Array): void {
    for (const [n, byte] of bytes.entries()) {
      const at = offset + n;
      const before = this.#seen.get(at);
      if (before !== undefined && before !== byte) this.#hasChanged = true;
      this.#seen.set(at, byte);
      if (at !== blockConfig.writeback || this.#writeback === undefined) continue;
      this.#check.equal('blk/writeback-zero-or-one', 'writeback as it was written', byte, this.#writeback);
    }
  }

  generationRead(told: number): void {
    if (this.#hasChanged && this.#generation !== undefined) {
      const isOther = told !== this.#generation;
      const what = 'config_generation behind a change that was read';
      this.#check.holds(isOther, 'pci/config-generation-changes', what, `not ${this.#generation}`, String(told));
    }
    this.#hasChanged = false;
    this.#generation = told;
  }
}
