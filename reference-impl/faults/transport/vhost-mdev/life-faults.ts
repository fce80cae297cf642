import { BlockDevice } from '../../../devices/block-device.ts';
import {
  type DeviceChange,
  dropEvents,
  forgetAnswer,
  forgetFeatures,
  forgetRings,
  stopDevice,
} from '../../../vhost-mdev/life-rules.ts';
import { ringsInUse } from '../../../vhost-mdev/ring-set.ts';
import { BrokenDown } from '../../../vhost-user/back-end-edge.ts';
import { errno } from '../../../wire/errno.ts';
import type { MdevFault } from '../../fault.ts';
import { hidden } from '../../fault.ts';
import { inMdevTable, mdevFault } from './mdev-fault.ts';

const closeWithout = (left: DeviceChange) =>
  inMdevTable('life', ({ atClose }) => ({ atClose: atClose.filter((change) => change !== left) }));

const resetWithout = (...left: readonly DeviceChange[]) =>
  inMdevTable('life', ({ atReset }) => ({ atReset: atReset.filter((change) => !left.includes(change)) }));

const resetWith = (more: DeviceChange) => inMdevTable('life', ({ atReset }) => ({ atReset: [...atReset, more] }));

const refusedOpenDoes = (change: DeviceChange) => inMdevTable('life', { atRefusedOpen: [change] });

const crashWhileRunning: DeviceChange = ({ isRunning }) => {
  if (isRunning) throw new BrokenDown('abort');
};

/** Opens of which nothing came before one is refused, and resets in one use before the device is useless. */
const mostIdleOpens = 99;
const mostResets = 5;

/** Open, close and reset. */
export const mdevLifeFaults = {
  'mdev-opens-again': mdevFault(
    'vm-life/second-open-is-busy',
    'a device can be opened while it is open',
    inMdevTable('life', { openError: () => 0 }),
  ),
  'mdev-refused-open-stops-device': mdevFault(
    'vm-life/refused-open-disturbs-nobody',
    'an open that is refused stops the device',
    refusedOpenDoes(stopDevice),
  ),
  'mdev-refused-open-takes-answer': mdevFault(
    'vm-life/refused-open-disturbs-nobody',
    'an open that is refused takes the answer away that waits',
    refusedOpenDoes(forgetAnswer),
  ),
  'mdev-refused-open-drops-descriptors': mdevFault(
    'vm-life/refused-open-disturbs-nobody',
    'an open that is refused takes all event descriptors away',
    refusedOpenDoes(dropEvents),
  ),
  'mdev-hundredth-idle-open-is-busy': mdevFault(
    'vm-life/open-again-after-close',
    'after 99 uses in a row that accepted no features, an open fails with EBUSY',
    inMdevTable('life', ({ openError, atClose }) => {
      let idle = 0;
      return {
        openError: (opens, device) => {
          if (idle < mostIdleOpens) return openError(opens, device);
          idle = 0;
          return errno.EBUSY;
        },
        atClose: [
          ({ features }) => {
            idle = features === 0n ? idle + 1 : 0;
          },
          ...atClose,
        ],
      };
    }),
  ),
  'mdev-runs-again-when-reopened': mdevFault(
    'vm-life/opened-device-is-as-made',
    'a device that ran when it was closed runs as soon as it is opened',
    inMdevTable('life', ({ atOpen, atClose }) => {
      let ran = false;
      return {
        atOpen: [
          ...atOpen,
          (device) => {
            if (ran) device.setRunning(true);
          },
        ],
        atClose: [
          ({ isRunning }) => {
            ran = isRunning;
          },
          ...atClose,
        ],
      };
    }),
  ),
  'mdev-close-keeps-bases': mdevFault(
    'vm-life/opened-device-is-as-made',
    'the close of a device keeps the bases of its rings',
    inMdevTable('life', ({ atClose }) => {
      let bases: readonly number[] = [];
      return {
        atClose: [
          stopDevice,
          ({ rings }) => {
            bases = rings.records.map(({ base }) => base);
          },
          ...atClose,
          ({ rings }) => {
            for (const ring of rings.records) ring.base = bases[ring.index] ?? 0;
          },
        ],
      };
    }),
  ),
  'mdev-close-keeps-running': hidden(
    { 'vhost-mdev-l2': 'the mappings of the container end with the close: no memory is reached behind it' },
    mdevFault(
      'vm-life/close-stops-device',
      'the close of a device leaves it as it is',
      inMdevTable('life', { atClose: [] }),
    ),
  ),
  'mdev-close-keeps-rings': mdevFault(
    'vm-life/close-forgets-rings',
    'the close of a device keeps what was told of its rings',
    closeWithout(forgetRings),
  ),
  'mdev-close-keeps-descriptors': mdevFault(
    'vm-life/close-drops-event-descriptors',
    'the close of a device keeps its event descriptors',
    closeWithout(dropEvents),
  ),
  'mdev-close-keeps-answer': mdevFault(
    'vm-life/close-forgets-answer',
    'the close of a device keeps the answer that waits',
    closeWithout(forgetAnswer),
  ),
  'mdev-close-while-running-crashes': mdevFault(
    'vm-life/close-under-load-survived',
    'the close of a device that runs ends it',
    inMdevTable('life', ({ atClose }) => ({ atClose: [crashWhileRunning, ...atClose] })),
  ),
  'mdev-reset-busy-while-running': mdevFault(
    'vm-life/reset-succeeds',
    'VFIO_DEVICE_RESET of a device that runs without rings fails with EBUSY',
    inMdevTable('life', {
      resetError: ({ isRunning, rings }) => (isRunning && ringsInUse(rings.records) === 0 ? errno.EBUSY : 0),
    }),
  ),
  'mdev-reset-does-nothing': mdevFault(
    'vm-life/reset-stops-device',
    'VFIO_DEVICE_RESET does nothing',
    inMdevTable('life', { atReset: [] }),
  ),
  'mdev-reset-leaves-rings-running': mdevFault(
    'vm-life/reset-stops-device',
    'VFIO_DEVICE_RESET leaves a device running with its rings',
    resetWithout(stopDevice, forgetRings, forgetFeatures),
  ),
  'mdev-rings-served-after-reset': mdevFault(
    'reset/quiet-after-reset',
    'VFIO_DEVICE_RESET drops an answer that waits, and nothing else',
    resetWithout(stopDevice, forgetRings, forgetFeatures),
  ),
  'mdev-reset-keeps-rings': mdevFault(
    'vm-life/reset-forgets-rings',
    'VFIO_DEVICE_RESET keeps what was told of rings',
    resetWithout(forgetRings),
  ),
  'mdev-reset-keeps-features': mdevFault(
    'vm-life/reset-forgets-features',
    'VFIO_DEVICE_RESET keeps the features that were accepted',
    resetWithout(forgetFeatures),
  ),
  'mdev-reset-keeps-answer': mdevFault(
    'vm-life/reset-forgets-answer',
    'VFIO_DEVICE_RESET keeps the answer that waits',
    resetWithout(forgetAnswer),
  ),
  'mdev-reset-drops-descriptors': mdevFault(
    'vm-life/reset-keeps-event-descriptors',
    'VFIO_DEVICE_RESET takes all event descriptors away',
    resetWith(dropEvents),
  ),
  'mdev-reset-drops-mappings': mdevFault(
    'vm-life/reset-keeps-mappings',
    'VFIO_DEVICE_RESET takes the mappings of the container away',
    resetWith(({ container }) => container.clear()),
  ),
  'mdev-reset-wipes-disk': mdevFault(
    'vm-life/reset-keeps-stored-data',
    'VFIO_DEVICE_RESET wipes what a block device stores',
    resetWith(({ parent }) => {
      if (parent instanceof BlockDevice) parent.disk.fill(0);
    }),
  ),
  'mdev-reset-under-load-crashes': mdevFault(
    'vm-life/device-works-after-reset',
    'VFIO_DEVICE_RESET of a device whose rings run ends it',
    inMdevTable('life', ({ atReset }) => ({ atReset: [crashWhileRunning, ...atReset] })),
  ),
  'mdev-sixth-reset-hangs': mdevFault(
    'vm-life/device-works-after-reset',
    'the sixth VFIO_DEVICE_RESET of one use never returns',
    inMdevTable('life', ({ atReset, atClose }) => {
      let resets = 0;
      return {
        atReset: [
          ...atReset,
          () => {
            if (resets++ === mostResets) throw new BrokenDown('hang');
          },
        ],
        atClose: [
          ...atClose,
          () => {
            resets = 0;
          },
        ],
      };
    }),
  ),
  'mdev-reset-keeps-config-space': mdevFault(
    'vm-life/l1-reset-restores-config-space',
    'VFIO_DEVICE_RESET leaves what was written to configuration space',
    inMdevTable('pciConfig', { survivesReset: true }),
  ),
} as const satisfies Record<string, MdevFault>;
