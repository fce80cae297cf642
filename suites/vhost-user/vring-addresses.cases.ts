import type { GuestSplitRing } from '../../drivers/port/port.ts';
import { changes, changesOutside, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { defineCase } from '../case.ts';
import { isAtStart, writtenAreas } from '../ring-positions.ts';
import { exchangedLayout } from './exchanged-layout.ts';
import { refusalOf, stillServes } from './refusal.ts';
import { RingByHand } from './ring-by-hand.ts';
import { type AddressFields, addressesOf, getBase, setAddresses } from './ring-messages.ts';

/** SET_VRING_ADDR: where a ring may lie, and what is made of addresses where it cannot. */

const transports = ['vhost-user'] as const;
const acknowledged = { start: 'closed', transports, negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'] } as const;
const size = 64;
/** What a ring that was let start is given to be seen at work. */
const patienceMs = 20;
const parts = ['descriptor', 'available', 'used'] as const;
type Part = (typeof parts)[number];

/** Places that are outside the memory, or begin inside and end outside, given the ring and the end of its region. */
const outside: Readonly<Record<string, (right: bigint, end: bigint, ring: GuestSplitRing) => bigint>> = {
  zero: () => 0n,
  'below-region': (_, end) => end - 0x10_0000n - 0x1_0000n,
  'at-region-end': (_, end) => end,
  'over-region-end': (_, end) => end - 16n,
  'far-above': (right) => right + 0x1000_0000_0000n,
  'end-of-addresses': () => 0xffff_ffff_ffff_fff0n,
  'guest-physical': (right, _, { desc }) => right - desc.userAddress + desc.guestAddress,
};

export const outsideRefused = defineCase({
  id: 'vhost-user/vring-addresses/rings-outside-memory-are-refused',
  title: 'a ring of which a part lies outside the memory is refused, when it is told of or when it is to start',
  proves: {
    'vu-vring/ring-addresses-outside-memory-refused': ['ring-outside-memory-accepted', 'ring-outside-memory-crashes'],
  },
  applies: { ...acknowledged, memory: 'single-region', ring: 'split' },
  run({ port, connect, guest, driverOf, ring, points, requirement }) {
    const check = requirement('vu-vring/ring-addresses-outside-memory-refused');
    const all = Object.keys(outside).flatMap((place) =>
      parts.map((part) => ({ key: `${part}:${place}`, part, place })),
    );
    points(all, ({ key, part, place }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      driver.companions();
      const hand = new RingByHand(port, session, ring({ size }), { index: driver.queueIndex });
      hand.makeAvailable(driver.request().segments);
      const fields = addressesOf(hand.ring);
      const { region } = hand.ring.areas.descriptor;
      const wrong = outside[place]?.(fields[part], region.userAddress + BigInt(region.size), hand.ring) ?? 0n;
      hand.tell('num', 'base');
      const before = snapshot(guest);
      const addresses = setAddresses(hand.index, { ...fields, [part]: wrong });
      const refusal = refusalOf(session, addresses, check, `SET_VRING_ADDR with ${key}`, () => false);
      if (refusal === 'zero acknowledgement') {
        // At the latest on start: nothing may be taken from such a ring, and nothing written.
        hand.tell('call', 'error', 'kick', 'enable');
        hand.kick();
        session.messages.fence();
        if (session.isOpen) port.until(() => changes(before).length > 0, patienceMs);
        const base = session.isOpen ? getBase(session, hand.index) : { kind: 'closed' as const };
        const others = driver.companions().flatMap(({ ring: other }) => writtenAreas(other));
        const touched =
          changesOutside(changes(before), others).length > 0 ||
          (base.kind === 'base' && !isAtStart(hand.ring, base.num));
        check.refused(touched ? 'changed state' : 'unchanged state', `the start of a ring with ${key}`);
      } else if (refusal !== undefined) {
        check.refused(refusal, `SET_VRING_ADDR with ${key}`);
      }
      stillServes(port, session, check, `service after a ring with ${key}`);
      session.close();
    });
  },
});

export const misalignedSurvived = defineCase({
  id: 'vhost-user/vring-addresses/misaligned-rings-are-survived',
  title: 'a ring of which a part is not aligned as virtio wants it is refused, or does no harm',
  proves: { 'vu-vring/misaligned-ring-addresses-survived': 'misaligned-ring-crashes' },
  applies: acknowledged,
  run({ port, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-vring/misaligned-ring-addresses-survived');
    const skews: readonly (readonly [Part, readonly number[]])[] = [
      ['descriptor', [1, 2, 4, 8, 15]],
      ['available', [1]],
      ['used', [1, 2, 3]],
    ];
    const all = skews.flatMap(([part, list]) => list.map((skew) => ({ key: `${part}+${skew}`, part, skew })));
    points(all, ({ key, part, skew }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      driver.companions();
      const hand = new RingByHand(port, session, ring({ size }), { index: driver.queueIndex });
      const fields = addressesOf(hand.ring);
      hand.tell('num', 'base');
      const message = setAddresses(hand.index, { ...fields, [part]: fields[part] + BigInt(skew) });
      const answer = session.messages.acknowledged(message);
      if (answer.kind === 'died' || answer.kind === 'silent') {
        check.failsBy(answer, `SET_VRING_ADDR with ${key}`, 'an answer');
        return;
      }
      if (session.isOpen) hand.tell('call', 'error', 'kick', 'enable');
      hand.kick();
      if (session.isOpen) session.messages.fence();
      if (session.isOpen) getBase(session, hand.index);
      stillServes(port, session, check, `service after a ring with ${key}`);
      session.close();
    });
  },
});

export const userAddresses = defineCase({
  id: 'vhost-user/vring-addresses/ring-addresses-are-user-addresses',
  title: 'a ring is found at its user addresses, also where these are guest-physical addresses of another region',
  proves: { 'vu-vring/ring-addresses-are-user-addresses': 'rings-looked-up-by-guest-address-first' },
  applies: { start: 'negotiated', transports, shareMemory: false },
  variants: { region: [0, 1] },
  run({ port, session, driverOf, ring, variant, requirement }) {
    const check = requirement('vu-vring/ring-addresses-are-user-addresses');
    const guest = port.createGuest(exchangedLayout);
    const driver = driverOf(session, guest);
    check.accepted(session.shareMemory(guest), 'the memory table');
    const { region } = variant;
    const queue = driver.attach(
      ring({ guest, size: 16, placement: { descriptor: { region }, driver: { region }, device: { region } } }),
    );
    const [head] = queue.makeAvailable([driver.request().segments]);
    const [used] = queue.kickAndWaitForUsed(1);
    check.equal(used?.id, head, 'id of the used element');
  },
});

export const guestAddressesRefused = defineCase({
  id: 'vhost-user/vring-addresses/guest-physical-addresses-are-no-ring-addresses',
  title: 'SET_VRING_ADDR with guest-physical addresses, which no user range holds, starts no ring',
  proves: { 'vu-vring/ring-addresses-are-user-addresses': 'ring-addresses-taken-as-guest-addresses' },
  applies: acknowledged,
  run({ port, connect, driverOf, ring, requirement }) {
    const check = requirement('vu-vring/ring-addresses-are-user-addresses');
    const session = connect('negotiated');
    const driver = driverOf(session);
    driver.companions();
    const hand = new RingByHand(port, session, ring({ size }), { index: driver.queueIndex });
    hand.makeAvailable(driver.request().segments);
    hand.tell('num', 'base');
    const { areas } = hand.ring;
    const fields: AddressFields = {
      ...addressesOf(hand.ring),
      descriptor: areas.descriptor.guestAddress,
      available: areas.driver.guestAddress,
      used: areas.device.guestAddress,
    };
    const refusal = refusalOf(session, setAddresses(hand.index, fields), check, 'SET_VRING_ADDR', () => false);
    if (refusal === undefined) return;
    if (refusal !== 'zero acknowledgement') {
      check.refused(refusal, 'SET_VRING_ADDR with guest-physical addresses');
      return;
    }
    hand.tell('call', 'error', 'kick', 'enable');
    hand.kick();
    session.messages.fence();
    const told = session.isOpen ? getBase(session, hand.index) : { kind: 'closed' as const };
    const isServed = hand.usedCount() !== 0 || (told.kind === 'base' && !isAtStart(hand.ring, told.num));
    check.refused(isServed ? 'changed state' : 'unchanged state', 'the start of a ring at guest-physical addresses');
  },
});
