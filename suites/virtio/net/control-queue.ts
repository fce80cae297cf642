import type { Guest } from '../../../drivers/port/port.ts';
import {
  MAC_SIZE,
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
} from '../../../reference-impl/devices/net-layout.ts';
import { readable, type Segment, writable } from '../../../reference-impl/virtqueue/segment.ts';

/** The queue for commands of a network device with one pair of rings (virtio 5.1.2, 5.1.6.5). */
export const controlQueueIndex = 2;

/** What cases on the control queue negotiate. */
export const controlFeatures = ['VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_CTRL_MAC_ADDR'] as const;

/** What lies where the device acknowledges a command, until it does. */
const unanswered = 0xff;

export interface ControlCommand {
  readonly segments: readonly Segment[];
  /** VIRTIO_NET_OK, VIRTIO_NET_ERR, or 255 while there is none. */
  acknowledgement(): number;
}

/** The command that gives the device an address, in a guest's memory. */
export function setAddress(guest: Guest, mac: Uint8Array): ControlCommand {
  const command = guest.allocate({ size: 2 });
  const address = guest.allocate({ size: MAC_SIZE });
  const answer = guest.allocate({ size: 1 });
  command.store(Uint8Array.of(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET));
  address.store(mac);
  answer.store(Uint8Array.of(unanswered));
  return {
    segments: [readable(command), readable(address), writable(answer)],
    acknowledgement: () => answer.load()[0] ?? unanswered,
  };
}
