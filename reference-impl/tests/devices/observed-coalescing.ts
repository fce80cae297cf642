import type { DeviceRules } from '../../devices/device-rules.ts';
import { NetDevice } from '../../devices/net-device.ts';
import {
  VIRTIO_NET_CTRL_NOTF_COAL,
  VIRTIO_NET_CTRL_NOTF_COAL_RX_SET,
  VIRTIO_NET_CTRL_NOTF_COAL_TX_SET,
  VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET,
  VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_NOTF_COAL,
  VIRTIO_NET_F_VQ_NOTF_COAL,
} from '../../devices/net-layout.ts';
import { VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { type Note, place, smallGuest } from './observing.ts';
import { harness } from './queue-harness.ts';

/** Commands of notification coalescing, and what they leave behind for each queue. */
export function observeCoalescing(rules: DeviceRules, note: Note): void {
  const device = new NetDevice({ hasControlQueue: true, transport: rules.transport, rules: rules.net });
  const bits = VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_NOTF_COAL | VIRTIO_NET_F_VQ_NOTF_COAL;
  const options = { guest: smallGuest(), features: VIRTIO_F_VERSION_1 | bits, size: 16 };
  let h = harness(device, options);
  const command = (number: number, ...data: readonly number[]): void => {
    const [written] = place(h, Uint8Array.of(VIRTIO_NET_CTRL_NOTF_COAL, number, ...data), 2 + data.length);
    const answer = h.guest.allocate({ size: 9 });
    const { driver, run } = h.queue(2);
    driver.add([...(written === undefined ? [] : [readable(written)]), writable(answer)]);
    run();
    note(`command ${number} ${data.join(' ')}`, [driver.reapUsed().length, ...answer.load()]);
  };
  const look = (): void => {
    for (const queue of [0, 1, 2, 9]) command(VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET, queue, 0, 0, 0);
  };
  look();
  command(VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, 4, 0, 0, 0, 5, 0, 0, 0);
  command(VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, 6, 0, 0, 0, 7, 0, 0, 0);
  command(VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, 4, 0, 0);
  look();
  command(VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, 1, 0, 8, 0, 9, 0, 0, 0, 9, 0, 0, 0);
  command(VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, 1, 0, 0, 0, 9, 0, 0, 0);
  look();
  const [frame] = place(h, new Uint8Array(72), 72);
  if (frame !== undefined) h.queue(1).driver.add([readable(frame)]);
  h.queue(1).driver.disableCalls();
  h.queue(1).run();
  note('calls of a packet, suppressed', h.calls[1]);
  device.setQueueEnabled(1, false);
  device.setQueueEnabled(1, true);
  look();
  device.reset();
  h = harness(device, options);
  look();
}
