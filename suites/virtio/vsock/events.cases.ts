import {
  VIRTIO_VSOCK_EVENT_TRANSPORT_RESET,
  VSOCK_EVENT_SIZE,
  vsockQueues,
} from '../../../reference-impl/devices/vsock-layout.ts';
import { writable } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import { clientOn, echoPortOf, withEcho } from './sockets.ts';

/** The event queue (virtio 5.10.6.7). */

const events = 4;

export const eventIsReset = defineCase({
  id: 'virtio/vsock/events-are-transport-resets',
  title: 'what comes in event buffers while sockets connect is TRANSPORT_RESET in four bytes, or nothing',
  proves: { 'vsock/event-is-transport-reset': 'vsock-event-of-no-id' },
  applies: { ...withEcho, needs: ['device.config', 'device.queues'] },
  run(context) {
    const { session, guest, ring, port, requirement } = context;
    const check = requirement('vsock/event-is-transport-reset');
    const count = session.device.queues?.count();
    check.presumes(count?.kind === 'number' && count.value > vsockQueues.event, 'the device has an event queue');
    const queue = session.attach(ring({ size: 16 }), { index: vsockQueues.event });
    const buffers = new Map<number, ReturnType<typeof guest.allocate>>();
    for (let n = 0; n < events; n++) {
      const span = guest.allocate({ size: 2 * VSOCK_EVENT_SIZE });
      for (const id of queue.makeAvailable([[writable(span)]])) buffers.set(id, span);
    }
    queue.kick();
    const client = clientOn(context, check);
    client.connected(check, echoPortOf(port.facts));
    client.end();
    check.answered(session.fence(), 'a message behind the connection', 'an answer');
    const came = queue.usedCount();
    check.atMost(came, events, 'event buffers that are used');
    for (const { id, len } of queue.waitForUsed(came)) {
      const bytes = buffers.get(id)?.load() ?? new Uint8Array(VSOCK_EVENT_SIZE);
      check.equal(len, VSOCK_EVENT_SIZE, 'length of an event');
      const event = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      check.equal(event, VIRTIO_VSOCK_EVENT_TRANSPORT_RESET, 'id of an event');
    }
  },
});
