import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import { pattern } from '../../drivers/devices/request.ts';
import type { Guest, GuestSplitRing, VhostUserSession } from '../../drivers/port/port.ts';
import { encodeBlockHeader, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT } from '../../reference-impl/devices/block-layout.ts';
import type { Span } from '../../reference-impl/memory/span.ts';
import { readable, type Segment, writable } from '../../reference-impl/virtqueue/segment.ts';
import { BigEndianSplitRing } from '../../reference-impl/virtqueue/split/big-endian-ring.ts';
import { SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { refusesMessage } from './refusal.ts';
import { baseFrom, RingByHand } from './ring-by-hand.ts';
import { getBase, setEndian } from './ring-messages.ts';

/** Rings of legacy drivers in either byte order (vhost-user, "VHOST_USER_SET_VRING_ENDIAN"; virtio 2.7.3). */

const rule = 'vu-vring/both-byte-orders-after-set-vring-endian';
const applies = {
  start: 'closed',
  transports: ['vhost-user'],
  negotiate: ['VHOST_USER_PROTOCOL_F_CROSS_ENDIAN'],
  without: ['VIRTIO_F_VERSION_1'],
} as const;
/** The ring by `order`, which SET_VRING_ENDIAN tells as its place here. */
const orders = ['little-endian', 'big-endian'] as const;
const unwatched = 'its rings may be big-endian';
const size = 16;
const sectorBytes = 512;
const statusUnset = 0xff;

type Context = CaseContext<typeof rule, { order: readonly string[] } & VariantAxes, VhostUserSession, GuestSplitRing>;

/** A ring in the order of the variant, on a connection that told of that order. */
interface OrderedRing {
  readonly session: VhostUserSession;
  readonly driver: DeviceDriver<GuestSplitRing>;
  readonly hand: RingByHand<GuestSplitRing>;
}

/** @throws CaseEnded where the back-end serves no legacy driver at all. */
function ordered({ port, connect, driverOf, ring: ringOf, variant }: Context, check: Check): OrderedRing {
  const native = connect('negotiated');
  const plain = driverOf(native);
  check.presumes(plain.once(plain.attach(ringOf({ size }))) === undefined, 'a driver without VERSION_1 is served');
  native.close();

  const session = connect('negotiated');
  const driver = driverOf(session);
  const isBigEndian = variant.order === 'big-endian';
  for (const index of driver.companionIndices) session.messages.send(setEndian(index, 0));
  driver.companions();
  const ring = ringOf({ size });
  const { descriptor, driver: avail, device } = ring.areas;
  const views = { descriptor: descriptor.view, driver: avail.view, device: device.view };
  const side = isBigEndian ? new SplitDriver(new BigEndianSplitRing(size, views)) : new SplitDriver(ring);
  const hand = new RingByHand(port, session, ring, { index: driver.queueIndex, driver: side });
  session.messages.send(setEndian(hand.index, isBigEndian ? 1 : 0));
  hand.tell('num', 'base', 'addresses', 'call', 'error', 'kick', 'enable');
  return { session, driver, hand };
}

interface BlockRequest {
  readonly segments: readonly Segment[];
  readonly data: Span;
  readonly status: Span;
}

function blockRequest(guest: Guest, header: Uint8Array, data: Uint8Array | undefined): BlockRequest {
  const [head, body, status] = [header.length, sectorBytes, 1].map((bytes) => guest.allocate({ size: bytes }));
  if (head === undefined || body === undefined || status === undefined) throw new TypeError('three sizes');
  head.store(header);
  body.store(data ?? new Uint8Array(sectorBytes).fill(statusUnset));
  status.store(Uint8Array.of(statusUnset));
  const segments = [readable(head), data === undefined ? writable(body) : readable(body), writable(status)];
  return { segments, data: body, status };
}

export const chainsServed = defineCase({
  id: 'vhost-user/byte-order/chains-of-either-order-are-served',
  title: 'without VERSION_1 a ring whose fields are in the byte order that SET_VRING_ENDIAN told is served',
  proves: { [rule]: ['big-endian-rings-read-little-endian', 'byte-orders-exchanged'] },
  applies: { ...applies, ring: 'split' },
  variants: { order: orders },
  unwatched,
  run(context: Context) {
    const check = context.requirement(rule);
    const { session, driver, hand } = ordered(context, check);
    const rounds = 4;
    for (let round = 1; round <= rounds; round++) {
      // A read of sector 0 has the same header in both orders, and so has a frame that needs nothing.
      const read = blockRequest(context.guest, encodeBlockHeader({ type: VIRTIO_BLK_T_IN, sector: 0n }), undefined);
      const segments = driver.kind === 'block' ? read.segments : driver.request({ seed: round }).segments;
      const [head] = hand.makeAvailable(segments);
      hand.kick();
      const [element] = hand.waitForUsed(check, 1, `chain ${round}`) ?? [];
      if (element === undefined) return;
      check.equal(element.id, head, `id in the used element of chain ${round}`);
      if (driver.kind === 'block') check.equal(read.status.load()[0], 0, `status of request ${round}`);
    }
    const base = baseFrom(check, getBase(session, hand.index), 'GET_VRING_BASE');
    if (base !== undefined) check.equal(base, rounds, `base behind ${rounds} chains`);
  },
});

export const requestsServed = defineCase({
  id: 'vhost-user/byte-order/block-requests-have-the-order-of-their-ring',
  title: 'without VERSION_1 a block request whose fields are in the byte order of its ring is carried out',
  proves: { [rule]: ['big-endian-requests-read-little-endian', 'big-endian-rings-read-little-endian'] },
  applies: { ...applies, devices: ['block'], ring: 'split' },
  variants: { order: orders },
  unwatched,
  run(context: Context) {
    const { guest, variant, requirement } = context;
    const check = requirement(rule);
    const { hand } = ordered(context, check);
    const header = (type: number): Uint8Array =>
      encodeBlockHeader({ type, sector: 5n }, variant.order === 'big-endian');
    const stored = pattern(sectorBytes, 7);
    const write = blockRequest(guest, header(VIRTIO_BLK_T_OUT), stored);
    const read = blockRequest(guest, header(VIRTIO_BLK_T_IN), undefined);
    for (const [what, { segments, status }] of Object.entries({ write, read })) {
      hand.makeAvailable(segments);
      hand.kick();
      if (hand.waitForUsed(check, 1, `the ${what}`) === undefined) return;
      check.equal(status.load()[0], 0, `status of the ${what}`);
    }
    check.bytesEqual(read.data.load(), stored, 'the sector that was written');
  },
});

export const unknownOrder = defineCase({
  id: 'vhost-user/byte-order/unknown-orders-are-refused',
  title: 'SET_VRING_ENDIAN with a number other than 0 and 1 is refused',
  proves: { 'vu-vring/unknown-byte-order-refused': 'unknown-byte-order-accepted' },
  applies: { ...applies, negotiate: [...applies.negotiate, 'VHOST_USER_PROTOCOL_F_REPLY_ACK'], ring: 'none' },
  run(context) {
    const { connect, points, port, requirement } = context;
    const check = requirement('vu-vring/unknown-byte-order-refused');
    const { queueIndex } = port.facts.workload;
    points(
      [2, 3, 0x100, 0x1_0000, 0x8000_0000, 0xffff_ffff].map((num) => ({ key: `num=${num}`, num })),
      ({ key, num }) => {
        refusesMessage(context, check, {
          what: `SET_VRING_ENDIAN with ${key}`,
          open: () => connect('negotiated'),
          flawed: setEndian(queueIndex, num),
          sound: setEndian(queueIndex, 0),
        });
      },
    );
  },
});
