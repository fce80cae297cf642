import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { MdevRules } from '../../../vhost-mdev/mdev-rules.ts';
import type { MdevState } from '../../../vhost-mdev/mdev-state.ts';
import { VIRTIO_F_EVENT_IDX } from '../../../virtqueue/feature-bits.ts';
import type { MdevFault } from '../../fault.ts';
import { inMdevTable, mdevFault, mdevHandling } from './mdev-fault.ts';

const byFlag = 'notify/used-buffers-notified-with-flag-clear';
const byEvent = 'notify/passing-used-event-notifies';

type Change = (rules: MdevRules) => MdevRules;

/** From the moment that `lose` is called no vector is signalled until the device is opened again. */
function losingCalls(hasEventIdx: boolean, when: (lose: () => void) => readonly Change[]): Change[] {
  let isLost = false;
  let opened: MdevState | undefined;
  const lose = (): void => {
    isLost = opened !== undefined && ((opened.parent.features & VIRTIO_F_EVENT_IDX) !== 0n) === hasEventIdx;
  };
  return [
    inMdevTable('life', ({ atOpen }) => ({
      atOpen: [
        ...atOpen,
        (device) => {
          opened = device;
          isLost = false;
        },
      ],
    })),
    inMdevTable('interrupt', ({ signalled }) => ({ signalled: (...call) => (isLost ? [] : signalled(...call)) })),
    ...when(lose),
  ];
}

const behindMemory = (lose: () => void): Change[] => [
  inMdevTable('ring', ({ goesOnInOtherMemory }) => ({
    goesOnInOtherMemory: (ring) => {
      lose();
      return goesOnInOtherMemory(ring);
    },
  })),
];

/** A start for which nothing was told of a ring since the last one. */
function behindStop(lose: () => void): Change[] {
  let isTold = true;
  return [
    mdevHandling('VHOST_SET_VRING_NUM', (right) => {
      isTold = true;
      return right();
    }),
    mdevHandling('VHOST_DEVICE_SET_STATE', (right, device) => {
      const outcome = right();
      if (device.isRunning && !isTold) lose();
      if (device.isRunning) isTold = false;
      return outcome;
    }),
  ];
}

const lost = (requirement: RequirementSlug, what: string, changes: Change[]): MdevFault =>
  mdevFault(requirement, `no vector is signalled any more behind ${what}`, ...changes);

/** Signals that are lost behind something that changed. */
export const mdevCallFaults = {
  'mdev-calls-lost-behind-memory': lost(
    byFlag,
    'a change of memory without EVENT_IDX',
    losingCalls(false, behindMemory),
  ),
  'mdev-event-calls-lost-behind-memory': lost(
    byEvent,
    'a change of memory with EVENT_IDX',
    losingCalls(true, behindMemory),
  ),
  'mdev-calls-lost-behind-stop': lost(byFlag, 'a stop and a start without EVENT_IDX', losingCalls(false, behindStop)),
  'mdev-event-calls-lost-behind-stop': lost(
    byEvent,
    'a stop and a start with EVENT_IDX',
    losingCalls(true, behindStop),
  ),
} as const satisfies Record<string, MdevFault>;
