import { pciFault } from './pci-fault.ts';

/** Queues that are reset alone. */
export const pciQueueResetFaults = {
  'pci-reset-queue-is-served': pciFault(
    'queue-reset/no-work-after-queue-reset',
    'a ring is served behind the reset of its queue',
    'queueReset',
    { stops: false },
  ),
  'pci-queue-reset-leaves-enable': pciFault(
    'pci/queue-reset-and-enable-zero-when-done',
    'queue_enable reads 1 behind the reset of a queue',
    'queueReset',
    { after: (fresh, { isEnabled }) => ({ ...fresh, isEnabled }) },
  ),
  'pci-queue-reset-leaves-size': pciFault(
    'pci/queue-reset-one-resets-queue',
    'queue_size stays as it was behind the reset of a queue',
    'queueReset',
    { after: (fresh, { size }) => ({ ...fresh, size }) },
  ),
  'pci-queue-reset-shown-done-early': pciFault(
    'pci/queue-reset-one-while-in-progress',
    'queue_reset reads 0 before the reset of a queue is over, and then 1',
    'queueReset',
    { shown: ({ readsOfReset }) => (readsOfReset === 1 ? 1 : 0) },
  ),
  'pci-queue-reset-reads-one-when-enabled': pciFault(
    'pci/queue-reset-zero-after-enable',
    'queue_reset reads 1 of a queue that is enabled',
    'queueReset',
    { shown: ({ isEnabled }) => (isEnabled ? 1 : 0) },
  ),
  'pci-queue-reset-reads-one-after-reset': pciFault(
    'pci/queue-reset-zero-after-reset',
    'queue_reset reads 1 behind a reset of the device',
    'queueReset',
    { shown: ({ isEnabled, readsOfReset }) => (isEnabled || readsOfReset !== undefined ? 0 : 1) },
  ),
  'pci-reset-receive-queue-keeps-frames': pciFault(
    'net/packets-dropped-with-all-queues-reset',
    'frames for a receive queue that was reset wait until it is enabled again',
    'queueReset',
    { disables: false },
  ),
  'pci-reset-queue-goes-on': pciFault(
    'queue-reset/queue-state-returns-to-defaults',
    'the next ring of a queue that was reset begins where the last one stopped',
    'queueReset',
    { after: (fresh, _, stoppedAt) => ({ ...fresh, beginsAt: stoppedAt }) },
  ),
  'pci-reset-queue-keeps-to-largest-size': pciFault(
    'queue-reset/re-enabled-queue-uses-new-settings',
    'a size that is written for a queue that was reset has no effect',
    'queueReset',
    {
      taken: ({ size, ...rest }, { readsOfReset }) =>
        readsOfReset !== undefined || size === undefined ? rest : { ...rest, size },
    },
  ),
} as const;
