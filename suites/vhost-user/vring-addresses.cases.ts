import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { DriverPort, GuestRing, GuestSplitRing, VhostUserSession } from '../../drivers/port/port.ts';
import { isSeen } from '../../judging/deadline.ts';
import type { Attempt } from '../../judging/refusal.ts';
import { changes, changesOutside, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { isAtStart, writtenAreas } from '../ring-positions.ts';
import { exchangedLayout } from './exchanged-layout.ts';
import { setInflight } from './inflight-buffer.ts';
import { fetched } from './inflight-ring.ts';
import { stillServes } from './refusal.ts';
import { RingByHand } from './ring-by-hand.ts';
import { type AddressFields, addressesOf, getBase, setAddresses } from './ring-messages.ts';

/** SET_VRING_ADDR: where a ring may lie, and what is made of addresses where it cannot. */

const transports = ['vhost-user'] as const;
const acknowledged = { start: 'closed', transports, negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'] } as const;
type Context = CaseContext<string, VariantAxes, VhostUserSession, GuestSplitRing>;

const size = 64;
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

/** A ring with a chain available, of which size and base are told. */
interface Prepared<R extends GuestRing = GuestRing> {
  readonly session: VhostUserSession;
  readonly driver: DeviceDriver<R>;
  readonly hand: RingByHand<R>;
}

function prepared<R extends GuestRing>({
  port,
  connect,
  driverOf,
  ring,
}: Pick<CaseContext<string, VariantAxes, VhostUserSession, R>, 'port' | 'connect' | 'driverOf' | 'ring'>): Prepared<R> {
  const session = connect('negotiated');
  const driver = driverOf(session);
  driver.companions();
  const hand = new RingByHand(port, session, ring({ size }), { index: driver.queueIndex });
  hand.makeAvailable(driver.request().segments);
  hand.tell('num', 'base');
  return { session, driver, hand };
}

function start(hand: RingByHand): void {
  hand.tell('call', 'error', 'kick', 'enable');
  hand.kick();
}

const started = (isServed: boolean): Attempt => ({
  kind: 'shown',
  isAccepted: isServed,
  how: isServed ? 'served ring' : 'unserved ring',
});

/** The control: told of where it is, the ring is served. */
function served(port: DriverPort<VhostUserSession>, { session, hand }: Prepared): Attempt {
  const answer = session.messages.acknowledged(setAddresses(hand.index, addressesOf(hand.ring)));
  if (answer.kind !== 'done') return answer;
  start(hand);
  port.until(() => hand.usedCount() > 0, port.deadlineMs);
  return started(hand.usedCount() > 0);
}

/** A ring with a part outside the memory, `ready` before anything is told of it. */
function refusesOutside(
  context: Context,
  check: Check,
  shownParts: readonly Part[],
  ready: (opened: Prepared<GuestSplitRing>) => void = () => {},
): void {
  const { port, guest, points, refusal } = context;
  const all = Object.keys(outside).flatMap((place) =>
    shownParts.map((part) => ({ key: `${part}:${place}`, part, place })),
  );
  points(all, ({ key, part, place }) => {
    const tried = refusal({
      open: () => {
        const opened = prepared(context);
        ready(opened);
        return opened;
      },
      flawed: ({ session, driver, hand }) => {
        const fields = addressesOf(hand.ring);
        const { region } = hand.ring.areas.descriptor;
        const wrong = outside[place]?.(fields[part], region.userAddress + BigInt(region.size), hand.ring) ?? 0n;
        const before = snapshot(guest);
        const answer = session.messages.acknowledged(setAddresses(hand.index, { ...fields, [part]: wrong }));
        if (answer.kind !== 'done') return answer;
        const fence = session.fence();
        if (fence.kind !== 'passed') return fence.kind === 'closed' ? answer : fence;
        // At the latest on start: nothing may be taken from such a ring, and nothing written.
        start(hand);
        session.messages.fence();
        if (session.isOpen) isSeen(port, () => changes(before).length > 0);
        const base = session.isOpen ? getBase(session, hand.index) : { kind: 'closed' as const };
        const others = driver.companions().flatMap(({ ring: other }) => writtenAreas(other));
        const isTouched =
          changesOutside(changes(before), others).length > 0 ||
          (base.kind === 'base' && !isAtStart(hand.ring, base.num));
        return started(isTouched);
      },
      behind: ({ session }) => stillServes(port, session, check, `service after a ring with ${key}`),
      control: (opened) => served(port, opened),
      controlName: 'a ring in memory',
    });
    check.refused(tried, `a ring with ${key}`);
  });
}

export const outsideRefused = defineCase({
  id: 'vhost-user/vring-addresses/rings-outside-memory-are-refused',
  title: 'a ring of which a part lies outside the memory is refused, when it is told of or when it is to start',
  proves: {
    'vu-vring/ring-addresses-outside-memory-refused': ['ring-outside-memory-accepted', 'ring-outside-memory-crashes'],
  },
  applies: { ...acknowledged, memory: 'single-region', ring: 'split' },
  run(context) {
    refusesOutside(context, context.requirement('vu-vring/ring-addresses-outside-memory-refused'), parts);
  },
});

export const outsideRefusedWithRecords = defineCase({
  id: 'vhost-user/vring-addresses/recorded-rings-outside-memory-are-refused',
  title: 'a ring whose used ring lies outside the memory is refused also where its requests in flight are recorded',
  proves: { 'vu-vring/ring-addresses-outside-memory-refused': 'recorded-ring-outside-memory-crashes' },
  applies: {
    ...acknowledged,
    negotiate: [...acknowledged.negotiate, 'VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD'],
    memory: 'single-region',
    ring: 'split',
  },
  run(context) {
    const check = context.requirement('vu-vring/ring-addresses-outside-memory-refused');
    refusesOutside(context, check, ['used'], ({ session, driver }) => {
      const buffer = fetched(session, check, driver.queueIndex + 1, size);
      if (buffer === undefined) return;
      check.granted(session.messages.acknowledged(setInflight(buffer.description, [buffer.fd])), 'SET_INFLIGHT_FD');
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
  run({ port, connect, driverOf, ring, refusal, requirement }) {
    const check = requirement('vu-vring/ring-addresses-are-user-addresses');
    const tried = refusal({
      open: () => prepared({ port, connect, driverOf, ring }),
      flawed: ({ session, hand }) => {
        const { areas } = hand.ring;
        const fields: AddressFields = {
          ...addressesOf(hand.ring),
          descriptor: areas.descriptor.guestAddress,
          available: areas.driver.guestAddress,
          used: areas.device.guestAddress,
        };
        const answer = session.messages.acknowledged(setAddresses(hand.index, fields));
        if (answer.kind !== 'done') return answer;
        const fence = session.fence();
        if (fence.kind !== 'passed') return fence.kind === 'closed' ? answer : fence;
        start(hand);
        session.messages.fence();
        const told = session.isOpen ? getBase(session, hand.index) : { kind: 'closed' as const };
        return started(hand.usedCount() !== 0 || (told.kind === 'base' && !isAtStart(hand.ring, told.num)));
      },
      control: (opened) => served(port, opened),
      controlName: 'a ring at its user addresses',
    });
    check.refused(tried, 'a ring at guest-physical addresses');
  },
});
