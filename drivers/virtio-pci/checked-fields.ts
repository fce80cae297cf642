import type { CommonConfigField } from '../../reference-impl/wire/virtio-pci.ts';
import type { VirtioPciFunction } from '../port/virtio-pci-door.ts';
import { failedCall } from '../session/call-outcome.ts';

const half = 0xffff_ffffn;

/** Fields of the common configuration that have to be read and written. @throws as `failedCall`. */
export class CheckedFields {
  readonly #pci: VirtioPciFunction;

  constructor(pci: VirtioPciFunction) {
    this.#pci = pci;
  }

  read(field: CommonConfigField): number {
    const value = this.#pci.read(field);
    return value < 0 ? failedCall(field, value) : value;
  }

  write(field: CommonConfigField, value: number): void {
    const written = this.#pci.write(field, value);
    if (written < 0) failedCall(field, written);
  }

  /** An address of the selected queue, a half at a time. */
  writeAddress(area: 'Desc' | 'Driver' | 'Device', address: bigint): void {
    this.write(`queue${area}Low`, Number(address & half));
    this.write(`queue${area}High`, Number(address >> 32n));
  }

  /** Sets bits of the status beside those that are set. */
  addStatus(bits: number): void {
    this.write('deviceStatus', this.read('deviceStatus') | bits);
  }

  /** Accepts features, a window of 32 bits at a time. */
  acceptFeatures(word: bigint, windows: readonly number[]): void {
    for (const window of windows) {
      this.write('driverFeatureSelect', window);
      this.write('driverFeature', Number((word >> (32n * BigInt(window))) & half));
    }
  }
}
