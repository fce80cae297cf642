import { pciFault } from './pci-fault.ts';

const windowOf = (word: bigint, select: number): number => Number((word >> (32n * BigInt(select))) & 0xffff_ffffn);
const DRIVER_OK = 4;

/** The common configuration, but for queues that are reset alone and vectors. */
export const pciCommonFaults = {
  'pci-feature-selector-wraps': pciFault(
    'pci/device-feature-follows-selector',
    'of device_feature_select the lowest bit alone counts',
    'features',
    { window: (word, select) => windowOf(word, select & 1) },
  ),
  'pci-driver-features-show-first-window': pciFault(
    'pci/driver-feature-reads-back',
    'driver_feature reads as bits 0 to 31 for any selector',
    'features',
    { written: (word) => windowOf(word, 0) },
  ),
  'pci-any-features-are-ok': pciFault(
    'features/unacceptable-subset-refused',
    'FEATURES_OK stays for any set of features',
    'features',
    { accepts: () => true },
  ),
  'pci-generation-stays': pciFault(
    'pci/config-generation-changes',
    'config_generation is the same behind a change',
    'config',
    { nextGeneration: (before) => before },
  ),
  'pci-config-writes-have-no-effect': pciFault(
    'blk/writeback-zero-or-one',
    'what is written to device-specific configuration has no effect',
    'config',
    { takesWrites: false },
  ),
  'pci-status-stays-behind-zero': pciFault(
    'pci/status-zero-resets',
    'a device that runs shows status 1 behind a write of 0',
    'status',
    { afterZero: (before) => ((before & DRIVER_OK) === 0 ? 0 : 1) },
  ),
  'pci-status-zero-resets-nothing': pciFault(
    'pci/status-zero-resets',
    'a write of 0 changes the status alone',
    'status',
    { zeroResets: false },
  ),
  'pci-needs-reset-is-silent': pciFault(
    'status/needs-reset-is-notified',
    'DEVICE_NEEDS_RESET comes without a notification',
    'status',
    { notifiesBroken: false },
  ),
  'pci-never-needs-reset': pciFault(
    'status/unrecoverable-error-raises-needs-reset',
    'a ring that breaks ends the service of the device without a word',
    'status',
    { broken: (before) => before & ~DRIVER_OK },
  ),
  'pci-rings-served-before-driver-ok': pciFault(
    'status/no-buffers-before-driver-ok',
    'rings are served as soon as they are enabled',
    'queue',
    { runs: ({ enabled }) => enabled },
  ),
  'pci-queues-stay-enabled': pciFault(
    'pci/queue-enable-zero-after-reset',
    'queue_enable reads 1 behind a reset of the device',
    'queue',
    { afterReset: (fresh, { isEnabled }) => ({ ...fresh, isEnabled }) },
  ),
  'pci-queue-selector-wraps': pciFault(
    'pci/queue-size-zero-for-missing-queue',
    'a selector behind the last queue selects one from the first on',
    'queue',
    { selected: (select, count) => select % count },
  ),
  'pci-queue-size-of-no-power': pciFault(
    'pci/queue-size-power-of-two',
    'the largest size that is told is no power of two',
    'queue',
    { shownSize: (size, largest) => (size === largest ? largest - 1024 : size) },
  ),
  'pci-low-half-clears-high': pciFault(
    'pci/halves-of-64-bit-fields-accessible',
    'a write of the low half of an address clears the high one',
    'queue',
    {
      withHalf: (address, half, isHigh) => (isHigh ? (address & 0xffff_ffffn) | (BigInt(half) << 32n) : BigInt(half)),
    },
  ),
  'pci-high-half-shows-low': pciFault(
    'pci/halves-of-64-bit-fields-accessible',
    'the high half of an address reads as the low one',
    'queue',
    { shownHalf: (address) => Number(address & 0xffff_ffffn) },
  ),
} as const;
