import type { Guest } from '../../../drivers/port/port.ts';
import type { CommandedPairs } from './commanded-pairs.ts';
import { type Coalescing, coalescingOf } from './control-queue.ts';

/** What cases about notification coalescing share. Of the one pair that they use the queues are 0 and 1. */

export const coalescingApplies = {
  start: 'negotiated',
  transports: ['vhost-vdpa', 'virtio-pci'],
  devices: ['net'],
  negotiate: ['VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_NOTF_COAL', 'VIRTIO_NET_F_VQ_NOTF_COAL'],
  without: ['VIRTIO_NET_F_MQ', 'VIRTIO_NET_F_RSS'],
} as const;

/** The queues of the first pair, and that for commands behind it. */
export const receiveQueue = 0;
export const transmitQueue = 1;
export const controlQueue = 2;

export const some: Coalescing = { maxPackets: 5, maxUsecs: 40 };
export const others: Coalescing = { maxPackets: 9, maxUsecs: 70 };
export const extremes: readonly Coalescing[] = [some, others, { maxPackets: 0xffff_ffff, maxUsecs: 0xffff_ffff }];

export const text = ({ maxPackets, maxUsecs }: Coalescing): string => `${maxPackets} packets, ${maxUsecs} microseconds`;

/** The parameters of a queue. @throws CaseEnded where the command that reads them is not acknowledged. */
export function shownOf({ guest }: { readonly guest: Guest }, pairs: CommandedPairs, queue: number): string {
  const command = coalescingOf(guest, queue);
  pairs.commanded(command, `the command that reads parameters of queue ${queue}`);
  return text(command.parameters());
}
