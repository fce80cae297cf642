import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { Request } from '../../drivers/devices/request.ts';
import type { GuestPackedRing, GuestRing, GuestSplitRing, VhostUserSession } from '../../drivers/port/port.ts';
import { decodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import { InflightQueue, setInflight } from './inflight-buffer.ts';
import { fetched, type InflightMemory } from './inflight-ring.ts';
import { PackedInflightQueue } from './packed-inflight-queue.ts';
import { baseFrom, RingByHand, type Step } from './ring-by-hand.ts';
import { getBase, setBase } from './ring-messages.ts';

/** Rings that stop at once and leave requests in flight (vhost-user, "VHOST_USER_GET_VRING_BASE_SKIP_DRAIN"). */

const rule = 'vu-inflight/skip-drain-stops-at-once-and-records';
const proves = { [rule]: ['suspended-requests-unrecorded', 'suspended-ring-completes-requests'] } as const;
const applies = {
  start: 'closed',
  transports: ['vhost-user'],
  needs: ['initial-base'],
  negotiate: [
    'VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD',
    'VHOST_USER_PROTOCOL_F_GET_VRING_BASE_INFLIGHT',
    'VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN',
  ],
} as const;

const size = 64;
const chains = 16;
/** Stops until one meets requests in flight: how fast a back-end is, is its own affair. */
const rounds = 40;

type Context<R extends GuestRing> = CaseContext<typeof rule, VariantAxes, VhostUserSession, R>;
/** The buffer ids that the record of a queue marks as in flight, of those that were made available. */
type Marked = (memory: InflightMemory, queue: number, ids: readonly number[]) => readonly number[];

/** A front-end that tells of the ring under test, of empty rings beside it, and of the record of all. */
class FrontEnd<R extends GuestRing> {
  readonly driver: DeviceDriver;
  readonly session: VhostUserSession;
  readonly #context: Context<R>;

  constructor(context: Context<R>) {
    this.#context = context;
    this.session = context.connect('negotiated');
    this.driver = context.driverOf(this.session);
  }

  get rings(): number {
    return Math.max(this.driver.queueIndex, ...this.driver.companionIndices) + 1;
  }

  /** Starts the rings, the one under test where `base` says. */
  start({ description, fd }: InflightMemory, ring: R, beside: readonly R[], base?: number): RingByHand<R> {
    const { port, requirement } = this.#context;
    const told = this.session.messages.acknowledged(setInflight(description, [fd]));
    requirement(rule).accepted(told, 'SET_INFLIGHT_FD');
    const steps: readonly Step[] = ['addresses', 'call', 'error', 'kick', 'enable'];
    for (const [n, index] of this.driver.companionIndices.entries()) {
      const other = beside[n];
      if (other !== undefined) new RingByHand(port, this.session, other, { index }).tell('num', 'base', ...steps);
    }
    const hand = new RingByHand(port, this.session, ring, { index: this.driver.queueIndex });
    hand.tell('num', ...(base === undefined ? (['base'] as const) : []));
    if (base !== undefined) this.session.messages.send(setBase(hand.index, base));
    hand.tell(...steps);
    return hand;
  }
}

/** Of the chains, which all wait from the start of the ring on, those in front of the base. */
function inFront(ring: GuestRing, base: number, requests: readonly Request[]): number {
  const { avail } = decodeVringBase(ring.layout, base);
  let place = 0;
  let count = 0;
  for (const { segments } of requests) {
    if (place >= avail) break;
    place += ring.layout === 'split' ? 1 : segments.length;
    count++;
  }
  return count;
}

/** Stops a ring under load. Whether that met requests in flight, which the next connection was to complete. */
function stopsUnderLoad<R extends GuestRing>(context: Context<R>, marked: Marked): boolean {
  const { ring: ringOf, requirement } = context;
  const check = requirement(rule);
  const first = new FrontEnd(context);
  const memory = fetched(first.session, check, first.rings, size);
  if (memory === undefined) return true;
  const ring = ringOf({ size });
  const beside = first.driver.companionIndices.map(() => ringOf({ size }));
  const hand = first.start(memory, ring, beside);
  check.reply(first.session.messages.fence(), 'GET_FEATURES');
  const requests = Array.from({ length: chains }, (_, seed) => first.driver.request({ seed }));
  const ids = hand.makeAvailable(...requests.map(({ segments }) => segments));
  hand.kick();
  const answer = getBase(first.session, hand.index, 0, 'VHOST_USER_GET_VRING_BASE_SKIP_DRAIN');
  const base = baseFrom(check, answer, 'GET_VRING_BASE_SKIP_DRAIN');
  if (base === undefined) return true;
  const used = hand.driver.usedIds();
  const inFlight = ids.slice(0, inFront(ring, base, requests)).filter((id) => !used.includes(id));
  check.sameMembers(marked(memory, hand.index, ids), inFlight, 'chains in front of the base marked in the record');
  check.reply(first.session.messages.fence(), 'GET_FEATURES');
  first.session.close();
  check.equal(hand.usedCount(), used.length, 'chains that are used, behind the answer as at it');
  if (inFlight.length === 0) return false;

  const next = new FrontEnd(context);
  next.start(memory, ring, beside, base).kick();
  const elements = hand.waitForUsed(check, chains, 'all chains, on the next connection');
  if (elements === undefined) return true;
  check.sameMembers(
    elements.map(({ id }) => id),
    ids,
    'chains that are used, each once',
  );
  for (const [n, request] of requests.entries()) check.equal(request.problem(), undefined, `request ${n}`);
  next.session.close();
  return true;
}

function stopsAtOnce<R extends GuestRing>(context: Context<R>, marked: Marked): void {
  for (let round = 1; round <= rounds; round++) if (stopsUnderLoad(context, marked)) return;
  context.requirement(rule).presumes(false, 'a request is in flight when the ring stops');
}

export const split = defineCase({
  id: 'vhost-user/inflight/ring-that-skips-the-drain-leaves-a-record',
  title:
    'behind the answer to GET_VRING_BASE_SKIP_DRAIN no chain is used, and each that was fetched is in the record, from which the next connection completes it',
  proves,
  applies: { ...applies, ring: 'split' },
  run(context: Context<GuestSplitRing>) {
    stopsAtOnce(context, ({ fd, description }, queue, ids) => {
      const region = new InflightQueue(context.port, fd, description, queue);
      return ids.filter((id) => region.isInflight(id));
    });
  },
});

export const packed = defineCase({
  id: 'vhost-user/packed-inflight/ring-that-skips-the-drain-leaves-a-record',
  title:
    'behind the answer to GET_VRING_BASE_SKIP_DRAIN no list is used, and each that was fetched is in the record, from which the next connection completes it',
  proves: { [rule]: 'suspended-requests-unrecorded' },
  applies: { ...applies, ring: 'packed' },
  run(context: Context<GuestPackedRing>) {
    stopsAtOnce(context, (memory, queue) => {
      const entries = new PackedInflightQueue(context.port, memory, queue, size).entries();
      return entries.filter(({ isInflight }) => isInflight).map(({ last }) => entries[last]?.id ?? -1);
    });
  },
});
