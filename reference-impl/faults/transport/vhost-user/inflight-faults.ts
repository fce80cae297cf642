import { BrokenDown } from '../../../vhost-user/back-end-edge.ts';
import { inflightRegionSize } from '../../../vhost-user/inflight-rules.ts';
import { bit, vhostUserProtocolFeatures as protocol } from '../../../wire/vhost-user-constants.ts';
import type { VhostUserFault } from '../../fault.ts';
import { handling, inTable, vhostUserFault } from './vhost-user-fault.ts';

type Description = { readonly numQueues: number; readonly queueSize: number };

/** Records of requests in flight. */
export const inflightFaults = {
  'inflight-size-zero': vhostUserFault(
    'vu-inflight/get-inflight-fd-returns-buffer',
    'GET_INFLIGHT_FD tells a size of 0',
    inTable('inflight', { told: () => ({ mmapSize: 0n, mmapOffset: 0n }) }),
  ),
  'inflight-size-beyond-file': vhostUserFault(
    'vu-inflight/get-inflight-fd-returns-buffer',
    'GET_INFLIGHT_FD tells a size larger than the file that it hands out',
    inTable('inflight', { told: (size) => ({ mmapSize: BigInt(size) + 4096n, mmapOffset: 0n }) }),
  ),
  'inflight-without-descriptor': vhostUserFault(
    'vu-inflight/get-inflight-fd-returns-buffer',
    'GET_INFLIGHT_FD is answered without a descriptor',
    handling('VHOST_USER_GET_INFLIGHT_FD', (right, session) => {
      const handled = right();
      if (handled.kind !== 'reply') return handled;
      for (const token of handled.descriptors ?? []) session.edge.close(token);
      return { kind: 'reply', payload: handled.payload };
    }),
  ),
  'inflight-buffer-of-one-queue': vhostUserFault(
    'vu-inflight/one-region-per-queue',
    'the buffer of GET_INFLIGHT_FD has a region for the first queue only',
    inTable('inflight', { bufferSize: (_, queueSize, layout) => inflightRegionSize(queueSize, layout) }),
  ),
  'inflight-version-2': vhostUserFault(
    'vu-inflight/region-version-tells-initialisation',
    'a region in use has version 2',
    inTable('inflight', { version: 2 }),
  ),
  'inflight-desc-num-one-less': vhostUserFault(
    'vu-inflight/desc-num-equals-queue-size',
    'desc_num is one less than the queue size',
    inTable('inflight', { descNum: (queueSize) => queueSize - 1 }),
  ),
  'inflight-counter-stands-still': vhostUserFault(
    'vu-inflight/fetched-head-marked-with-rising-counter',
    'the counter of a fetched head is always 1',
    inTable('inflight', { nextCounter: () => 1n }),
  ),
  'inflight-mark-left-out': vhostUserFault(
    'vu-inflight/fetched-head-marked-with-rising-counter',
    'a fetched head is not marked as in flight',
    inTable('inflight', { marksFetched: false }),
  ),
  'packed-inflight-mark-left-out': vhostUserFault(
    'vu-inflight/packed-descriptor-list-copied',
    'a fetched list of a packed ring is not marked as in flight',
    inTable('inflight', { marksFetched: false }),
  ),
  'inflight-mark-left-behind': vhostUserFault(
    'vu-inflight/used-head-unmarked-after-used-index',
    'a used head stays marked as in flight',
    inTable('inflight', { unmarksUsed: false }),
  ),
  'inflight-used-idx-stands-still': vhostUserFault(
    'vu-inflight/used-idx-field-follows-used-ring',
    'the used_idx of a region stays what it was',
    inTable('inflight', { movesUsedIdx: false }),
  ),
  'packed-inflight-copy-without-length': vhostUserFault(
    'vu-inflight/packed-descriptor-list-copied',
    'the copy of a packed descriptor has length 0',
    inTable('inflight', { copied: (descriptor) => ({ ...descriptor, len: 0 }) }),
  ),
  'packed-inflight-copy-with-half-an-address': vhostUserFault(
    'vu-inflight/packed-descriptor-list-copied',
    'the copy of a packed descriptor has the lower 32 bits of the address alone',
    inTable('inflight', { copied: (descriptor) => ({ ...descriptor, addr: descriptor.addr & 0xffff_ffffn }) }),
  ),
  'packed-inflight-used-idx-stands-still': vhostUserFault(
    'vu-inflight/packed-free-list-and-wrap-counter-kept',
    'the used_idx of the region of a packed ring stays what it was',
    inTable('inflight', { movesUsedIdx: false }),
  ),
  'packed-inflight-mark-left-behind': vhostUserFault(
    'vu-inflight/packed-used-list-unmarked-after-flags',
    'a used list of a packed ring stays marked as in flight',
    inTable('inflight', { unmarksUsed: false }),
  ),
  'inflight-last-batch-carried-out-again': vhostUserFault(
    'vu-inflight/half-done-batch-settled-on-reconnect',
    'a last batch that was used but not recorded so is carried out again',
    inTable('inflight', { takesAsDone: () => false, settledChains: () => 0 }),
  ),
  'packed-inflight-update-taken-as-done': vhostUserFault(
    'vu-inflight/half-done-batch-settled-on-reconnect',
    'an update of a packed ring that broke off before its used descriptor is taken as done',
    inTable('inflight', { takesAsDone: () => true }),
  ),
  'inflight-counter-begins-anew': vhostUserFault(
    'vu-inflight/fetched-head-marked-with-rising-counter',
    'a back-end that takes over requests in flight counts from 1 again',
    inTable('inflight', { goesOnCounting: false }),
  ),
  'packed-inflight-counter-stands-still': vhostUserFault(
    'vu-inflight/packed-descriptor-list-copied',
    'the counter of a fetched list of a packed ring is always 1',
    inTable('inflight', { nextCounter: () => 1n }),
  ),
  'packed-inflight-counter-begins-anew': vhostUserFault(
    'vu-inflight/packed-descriptor-list-copied',
    'a back-end that takes over lists in flight counts from 1 again',
    inTable('inflight', { goesOnCounting: false }),
  ),
  'inflight-resubmitted-by-head': vhostUserFault(
    'vu-inflight/requests-resubmitted-in-counter-order',
    'requests in flight are submitted again in the order of their heads',
    inTable('inflight', { resubmitted: (heads) => heads }),
  ),
  'inflight-not-resubmitted': vhostUserFault(
    'vu-inflight/requests-resubmitted-in-counter-order',
    'requests in flight are not submitted again',
    inTable('inflight', { resubmitted: () => [] }),
  ),
  'skip-drain-offered-alone': vhostUserFault(
    'vu-inflight/skip-drain-offered-with-prerequisites',
    'GET_VRING_BASE_SKIP_DRAIN is offered, and GET_VRING_BASE_INFLIGHT is not',
    inTable('features', (right) => ({
      protocolOffered: (...asked) =>
        right.protocolOffered(...asked) & ~bit(protocol.VHOST_USER_PROTOCOL_F_GET_VRING_BASE_INFLIGHT),
    })),
  ),
  'suspended-requests-unrecorded': vhostUserFault(
    'vu-inflight/skip-drain-stops-at-once-and-records',
    'requests that are in flight when GET_VRING_BASE_SKIP_DRAIN stops a ring are not recorded',
    inTable('inflight', { recordsSuspended: false }),
  ),
  'inflight-last-batch-head-stands-still': vhostUserFault(
    'vu-inflight/used-heads-linked-from-last-batch-head',
    'the last_batch_head of a region stays what it was',
    inTable('inflight', { lastBatchHead: (before) => before }),
  ),
  'record-beyond-inflight-buffer-crashes': vhostUserFault(
    'vu-inflight/bad-parameters-refused',
    'it aborts where the record of a ring does not fit into the buffer',
    inTable('inflight', (right) => ({
      holdsRecord: (end, bytes) => {
        if (!right.holdsRecord(end, bytes)) throw new BrokenDown('abort');
        return true;
      },
    })),
  ),
  'bad-inflight-description-crashes': vhostUserFault(
    'vu-inflight/bad-parameters-refused',
    'it aborts at an inflight description of no queues or no entries',
    handling<Description>('VHOST_USER_GET_INFLIGHT_FD', (right, session, { numQueues, queueSize }) => {
      if (numQueues === 0 || queueSize === 0) session.edge.breakDown('abort');
      return right();
    }),
  ),
  'corrupted-inflight-buffer-crashes': vhostUserFault(
    'vu-inflight/corrupted-buffer-survived',
    'it aborts at a region whose version or desc_num makes no sense',
    inTable('inflight', {
      atUnusable: (version) => {
        if (version !== 0) throw new BrokenDown('abort');
      },
    }),
  ),
} as const satisfies Record<string, VhostUserFault>;
