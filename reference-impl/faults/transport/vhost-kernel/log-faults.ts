import { vhostNetFault } from './vhost-net-fault.ts';

/** The log of written pages. */
export const vhostNetLogFaults = {
  'vhost-net-log-leaves-buffers-out': vhostNetFault(
    'vk-log/written-pages-are-marked',
    'pages of buffers are not marked',
    'log',
    { marksBuffers: false },
  ),
  'vhost-net-log-marks-first-page-only': vhostNetFault(
    'vk-log/written-pages-are-marked',
    'of the pages that one write reaches the first is marked alone',
    'log',
    { pagesMarked: (pages) => pages.slice(0, 1) },
  ),
  'vhost-net-log-is-always-on': vhostNetFault(
    'vk-log/off-without-log-all',
    'pages are marked although the feature was not accepted',
    'log',
    { isOn: () => true },
  ),
  'vhost-net-log-leaves-used-rings-out': vhostNetFault(
    'vk-log/used-ring-is-marked-where-told',
    'writes to a used ring that is logged are not marked',
    'log',
    { marksUsedRing: () => false },
  ),
  'vhost-net-log-of-used-rings-is-a-page-on': vhostNetFault(
    'vk-log/used-ring-is-marked-where-told',
    'writes to a used ring are marked one page behind their address',
    'log',
    { usedRingStart: (logAddress) => logAddress + 4096n },
  ),
  'vhost-net-log-of-buffers-is-not-translated': vhostNetFault(
    'vk-log/written-pages-are-marked',
    'with an IOTLB pages of buffers are marked at their I/O virtual addresses',
    'log',
    { translatedBuffer: (_, inDescriptor) => inDescriptor },
  ),
  'vhost-net-log-of-used-rings-is-not-translated': vhostNetFault(
    'vk-log/used-ring-is-marked-where-told',
    'with an IOTLB a write to a used ring is marked at the log address that was told',
    'log',
    { translatedUsedRing: (_, told) => told },
  ),
  'vhost-net-log-is-silent': vhostNetFault(
    'vk-log/event-comes-with-marks',
    'pages are marked without a signal of the event',
    'log',
    { signals: false },
  ),
} as const;
