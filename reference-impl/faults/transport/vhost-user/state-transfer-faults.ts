import { u64Bytes } from '../../../vhost-user/reply-payloads.ts';
import { StateLoading, StateSaving } from '../../../vhost-user/state-transfer.ts';
import type { VhostUserFault } from '../../fault.ts';
import { handling, inTable, onMessage, vhostUserFault } from './vhost-user-fault.ts';

/** Saving and loading the state of a device. */
export const stateTransferFaults = {
  'saved-state-left-open': vhostUserFault(
    'vu-device-state/saving-writes-all-then-closes',
    'the state is written, and its file stays open',
    inTable('stateTransfer', { closesAtEnd: false }),
  ),
  'saved-state-cut-short': vhostUserFault(
    'vu-device-state/saving-writes-all-then-closes',
    'the last byte of the state is not written',
    inTable('stateTransfer', { saved: (state) => state.subarray(0, -1) }),
  ),
  'loaded-state-is-what-came-first': vhostUserFault(
    'vu-device-state/loading-reads-to-end-of-file',
    'what the first read brings is taken for the whole state',
    inTable('stateTransfer', { readsToEnd: false }),
  ),
  'state-error-with-descriptor': vhostUserFault(
    'vu-device-state/error-and-descriptor-never-together',
    'an answer with an error carries a descriptor',
    handling('VHOST_USER_SET_DEVICE_STATE_FD', (right, session) => {
      const handled = right();
      const isError = handled.kind === 'reply' && ((handled.payload[0] ?? 0) & 0xff) !== 0;
      const made = isError ? session.edge.createSharedMemory('state', 4096) : undefined;
      return made === undefined || handled.kind !== 'reply'
        ? handled
        : { ...handled, payload: handled.payload.map((byte, at) => (at === 1 ? 0 : byte)), descriptors: [made.token] };
    }),
  ),
  'state-answer-without-bit-8': vhostUserFault(
    'vu-device-state/no-descriptor-bit-set-without-descriptor',
    'an answer without a descriptor does not say so',
    inTable('stateTransfer', ({ answer }) => ({ answer: (isAccepted) => answer(isAccepted) & 0xffn })),
  ),
  'state-error-without-bit-8': vhostUserFault(
    'vu-device-state/no-descriptor-bit-set-without-descriptor',
    'an answer with an error does not say that it has no descriptor',
    inTable('stateTransfer', ({ answer }) => ({
      answer: (isAccepted) => (isAccepted ? answer(true) : answer(false) & 0xffn),
    })),
  ),
  'unknown-state-transfer-begun': vhostUserFault(
    'vu-device-state/unknown-direction-or-phase-refused',
    'a transfer in any direction and phase is begun',
    inTable('stateTransfer', { accepts: () => true }),
  ),
  'state-check-always-succeeds': vhostUserFault(
    'vu-device-state/check-reports-zero-only-after-success',
    'CHECK_DEVICE_STATE is answered with 0 in any case',
    inTable('stateTransfer', { result: () => 0n }),
  ),
  'state-check-never-succeeds': vhostUserFault(
    'vu-device-state/check-reports-zero-only-after-success',
    'CHECK_DEVICE_STATE is answered with 1 in any case',
    inTable('stateTransfer', { result: () => 1n }),
  ),
  'loaded-device-starts-no-ring': vhostUserFault(
    'vu-device-state/loaded-device-resumes-without-reinitialisation',
    'a device that was loaded starts no ring',
    onMessage('VHOST_USER_SET_VRING_KICK', () => ({
      isUntimely: ({ stateTransfer }) => (stateTransfer instanceof StateLoading ? 'it was loaded' : undefined),
    })),
  ),
  'saved-device-starts-no-ring': vhostUserFault(
    'vu-device-state/source-resumes-after-failed-migration',
    'a device whose state was saved starts no ring',
    onMessage('VHOST_USER_SET_VRING_KICK', () => ({
      isUntimely: ({ stateTransfer }) => (stateTransfer instanceof StateSaving ? 'it was saved' : undefined),
    })),
  ),
  'state-saved-once': vhostUserFault(
    'vu-device-state/source-resumes-after-failed-migration',
    'a second transfer on a connection is answered with an error',
    handling('VHOST_USER_SET_DEVICE_STATE_FD', (right, session) =>
      session.stateTransfer === undefined ? right() : { kind: 'reply', payload: u64Bytes(0x101n) },
    ),
  ),
} as const satisfies Record<string, VhostUserFault>;
