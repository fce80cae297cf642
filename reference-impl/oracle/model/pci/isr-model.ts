import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { isrStatus } from '../../../wire/virtio-pci.ts';
import type { CallCheck } from '../mdev/call-check.ts';
import type { PciFacts } from './pci-facts.ts';

const NEEDS_RESET = 0x40;

/** ISR status while MSI-X is not in use, and the interrupt status of the header, which mirrors it. */
export class PciIsrModel {
  readonly #facts: PciFacts;
  readonly #check: CallCheck;
  #isKnown = false;
  #usedAtRead = 0;
  /** Its last read, and the used elements at that time; undefined where it was not read since the reset. */
  #lastRead: number | undefined;
  #wasNeedsResetTold = false;
  /** The interrupt status, with the used elements at that time. */
  #mirrored: { readonly isSet: boolean; readonly used: number } | undefined;

  constructor(facts: PciFacts, check: CallCheck) {
    this.#facts = facts;
    this.#check = check;
  }

  reset(): void {
    this.#isKnown = true;
    this.#usedAtRead = this.#facts.used();
    this.#lastRead = undefined;
    this.#wasNeedsResetTold = false;
    this.#mirrored = undefined;
  }

  /** Something other than a read of ISR status was done behind a read of the interrupt status. */
  acted(): void {
    this.#mirrored = undefined;
  }

  /** What is due is not known until the next reset. */
  forget(): void {
    this.#isKnown = false;
    this.#mirrored = undefined;
  }

  /** The interrupt status was read. */
  mirrored(isSet: boolean): void {
    this.#mirrored = { isSet, used: this.#facts.used() };
  }

  /** @param status of the device, at that time. */
  read(isr: number, status: number): void {
    if (!this.#isKnown) return;
    const used = this.#facts.used();
    const since = used - this.#usedAtRead;
    const mirrored = this.#mirrored;
    this.#mirrored = undefined;
    if (mirrored !== undefined && mirrored.used === used) {
      const [told, is] = [mirrored.isSet ? 1 : 0, (isr & 3) !== 0 ? 1 : 0];
      this.#check.equal(
        'pci/interrupt-status-mirrors-isr',
        'the interrupt status ahead of a read of ISR status',
        told,
        is,
      );
    }
    if (this.#facts.judgesChoices) this.#judge(isr, since, status);
    this.#usedAtRead = used;
    this.#lastRead = isr;
  }

  #judge(isr: number, since: number, status: number): void {
    const isBroken = (status & NEEDS_RESET) !== 0;
    const isConfigurationDue = isBroken && !this.#wasNeedsResetTold;
    const stays = (bit: number): boolean => this.#lastRead !== undefined && (this.#lastRead & bit) !== 0;
    if ((isr & isrStatus.QUEUE) !== 0 && since === 0) {
      this.#unasked(
        stays(isrStatus.QUEUE),
        isConfigurationDue ? 'pci/isr-config-bit-before-interrupt' : undefined,
        isr,
      );
    }
    if ((isr & isrStatus.CONFIGURATION) !== 0 && !isConfigurationDue) {
      this.#unasked(
        stays(isrStatus.CONFIGURATION) && since === 0,
        since > 0 ? 'pci/isr-queue-bit-before-interrupt' : undefined,
        isr,
      );
    }
    if (!isConfigurationDue) return;
    this.#wasNeedsResetTold = true;
    const isTold = (isr & isrStatus.CONFIGURATION) !== 0;
    const requirement = 'status/needs-reset-is-notified';
    this.#check.holds(isTold, requirement, 'ISR status with DEVICE_NEEDS_RESET', 'the configuration bit', String(isr));
  }

  #unasked(stays: boolean, other: RequirementSlug | undefined, isr: number): void {
    const ofRest = this.#lastRead === undefined ? 'reset/quiet-after-reset' : 'pci/isr-clears-on-read';
    const requirement: RequirementSlug = stays ? 'pci/isr-clears-on-read' : (other ?? ofRest);
    this.#check.fail(requirement, 'ISR status', 'no bit without an event', String(isr));
  }
}
