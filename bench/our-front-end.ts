import type { Guest, Queue, VhostUserSession } from '../drivers/port/port.ts';
import type { VhostUserPort } from '../drivers/vhost-user/vhost-user-port.ts';
import { guestLayouts } from '../reference-impl/memory/guest-layout.ts';
import { readable, type Segment, writable } from '../reference-impl/virtqueue/segment.ts';
export type Mode = 'features' | 'ring' | 'session';

const features = (1n << 32n) | (1n << 30n) | (1n << 28n);
const replyAck = 1n << 3n;
const VIRTIO_BLK_T_IN = 0;
const VIRTIO_BLK_T_GET_ID = 8;
const queueSize = 128;

interface Ready {
  readonly session: VhostUserSession;
  readonly guest: Guest;
  readonly queue: Queue;
}

/** Connects, negotiates, shares memory and attaches two rings; the first is used. */
function begin(port: VhostUserPort): Ready {
  const connection = port.connect();
  if (connection.kind === 'refused') throw new Error(connection.why);
  const { session } = connection;
  session.negotiate({ device: features, protocol: replyAck });
  const guest = port.createGuest(guestLayouts['single-region']);
  session.shareMemory(guest);
  const queue = session.attach(guest.ring({ layout: 'split', size: queueSize }), { index: 0, indirect: true });
  session.attach(guest.ring({ layout: 'split', size: queueSize }), { index: 1, indirect: true });
  return { session, guest, queue };
}

/** A block request: header, bytes for the device to write, status. */
function request(guest: Guest, type: number, length: number): { readonly chain: Segment[]; isOk(): boolean } {
  const header = guest.allocate({ size: 16 });
  const data = guest.allocate({ size: length });
  const status = guest.allocate({ size: 1 });
  header.store(Uint8Array.of(type, ...new Uint8Array(15)));
  status.fill(0xff);
  const { bytes } = status;
  return { chain: [readable(header), writable(data), writable(status)], isOk: () => bytes[0] === 0 };
}

const indirectly = { indirect: 'all' } as const;

function transfer(queue: Queue, chains: readonly (readonly Segment[])[], isOk: () => boolean): void {
  queue.makeAvailable(chains, indirectly);
  queue.kickAndWaitForUsed(1);
  if (!isOk()) throw new Error('a request failed');
}

function exchangeFeatures(session: VhostUserSession): void {
  if (session.messages.exchange({ request: 'VHOST_USER_GET_FEATURES' }).kind !== 'reply') throw new Error('no reply');
}

/** Nanoseconds for each of `count` operations through the port, the event log on as ever. */
export function runOurs(port: VhostUserPort, mode: Mode, count: number): number {
  const operation = operationOf(port, mode);
  const warmUp = count / 10;
  for (let done = 0; done < warmUp; done++) operation();
  port.log.restart();
  const before = process.hrtime.bigint();
  for (let done = 0; done < count; done++) operation();
  const nanoseconds = Number(process.hrtime.bigint() - before) / count;
  port.releaseAll();
  return nanoseconds;
}

function operationOf(port: VhostUserPort, mode: Mode): () => void {
  if (mode === 'session') {
    return () => {
      const { guest, queue } = begin(port);
      const { chain, isOk } = request(guest, VIRTIO_BLK_T_IN, 512);
      transfer(queue, [chain], isOk);
      port.releaseAll();
    };
  }
  const { session, guest, queue } = begin(port);
  if (mode === 'features') return () => exchangeFeatures(session);
  const { chain, isOk } = request(guest, VIRTIO_BLK_T_GET_ID, 20);
  const chains = [chain];
  return () => transfer(queue, chains, isOk);
}
