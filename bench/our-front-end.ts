import type { Guest, Queue, VhostUserSession } from '../drivers/port/port.ts';
import type { VhostUserPort } from '../drivers/vhost-user/vhost-user-port.ts';
import { guestLayouts } from '../reference-impl/memory/guest-layout.ts';
import type { GuestRing, RingLayout } from '../reference-impl/virtqueue/ring.ts';
import { readable, type Segment, writable } from '../reference-impl/virtqueue/segment.ts';

/** As `bench/c/front-end.c` has them. */
export type Mode = 'features' | 'ring' | 'session' | 'packed';

const features: Readonly<Record<RingLayout, bigint>> = {
  split: (1n << 32n) | (1n << 30n) | (1n << 28n),
  packed: (1n << 34n) | (1n << 32n) | (1n << 30n),
};
const replyAck = 1n << 3n;
const VIRTIO_BLK_T_IN = 0;
const VIRTIO_BLK_T_GET_ID = 8;
const queueSize = 128;
const untilRunningMs = 50;

interface Ready {
  readonly session: VhostUserSession;
  readonly guest: Guest;
  readonly queue: Queue;
  readonly other: Queue;
}

/** Connects, negotiates, shares memory and attaches two rings. */
function begin(port: VhostUserPort, layout: RingLayout = 'split'): Ready {
  const connection = port.connect();
  if (connection.kind === 'refused') throw new Error(connection.why);
  const { session } = connection;
  session.negotiate({ device: features[layout], protocol: replyAck });
  const guest = port.createGuest(guestLayouts['single-region']);
  session.shareMemory(guest);
  const options = layout === 'split' ? { indirect: true } : ({ kicks: 'when-asked' } as const);
  const queue = session.attach<GuestRing>(guest.ring({ layout, size: queueSize }), { index: 0, ...options });
  const other = session.attach<GuestRing>(guest.ring({ layout, size: queueSize }), { index: 1, ...options });
  return { session, guest, queue, other };
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

const headerLength = 12;
const frameLength = headerLength + 60;

/** Sends a frame on the second ring; it comes back on the first. */
function roundTrips(port: VhostUserPort): () => void {
  const { guest, queue: receive, other: transmit } = begin(port, 'packed');
  const frame = guest.allocate({ size: frameLength });
  frame.store(
    Uint8Array.of(...new Uint8Array(headerLength), ...new Uint8Array(6).fill(0xff), 2, 0, 0, 0, 0, 1, 0x88, 0xb5),
  );
  const room = [[writable(guest.allocate({ size: 2048 }))]];
  const frames = [[readable(frame)]];
  const once = (): void => {
    receive.makeAvailable(room);
    receive.kick();
    transmit.makeAvailable(frames);
    transmit.kick();
    const [element] = receive.waitForUsed(1);
    transmit.waitForUsed(1);
    if (element?.len !== frameLength) throw new Error('length of the frame');
  };
  // What comes before the port runs is dropped.
  receive.makeAvailable(room);
  receive.kick();
  while (receive.usedCount() === 0) {
    transmit.makeAvailable(frames);
    transmit.kickAndWaitForUsed(1);
    port.until(() => receive.usedCount() > 0, untilRunningMs);
  }
  receive.waitForUsed(1);
  return once;
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
  if (mode === 'packed') return roundTrips(port);
  const { session, guest, queue } = begin(port);
  if (mode === 'features') return () => exchangeFeatures(session);
  const { chain, isOk } = request(guest, VIRTIO_BLK_T_GET_ID, 20);
  const chains = [chain];
  return () => transfer(queue, chains, isOk);
}
