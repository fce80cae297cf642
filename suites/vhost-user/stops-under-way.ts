import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import {
  type GuestRing,
  PeerProtocolError,
  PremiseError,
  type Queue,
  type RingPosition,
  type VhostUserSession,
} from '../../drivers/port/port.ts';
import { packedPosition, splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { decodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { positionText, settled } from '../ring-positions.ts';
import { payloadOf } from './words.ts';

/** Rings that stop while their requests are under way, again and again, until what chance decides is certain. */

const ringSize = 256;
const manyChains = 200;
/** Chains that follow one by one, each with a kick, while GET_VRING_BASE is under way. */
const following = 16;
const bytes = { small: 512, large: 0x2_0000 };
/** Lives of a ring on one session. */
const mostLives = 32;

type Context = Pick<
  CaseContext<string, VariantAxes, VhostUserSession, GuestRing>,
  'port' | 'connect' | 'driverOf' | 'ring'
>;

/** What a ring showed when it stopped. */
export interface SeenStop {
  /** Where the answer says that chains go on. */
  readonly told: string;
  /** Where the used elements ended behind the answer, and behind the fence that followed. */
  readonly end: string;
  readonly endBehindFence: string;
  /** Chains in front of the base that were not used when the answer was there; split: chains, packed: descriptors. */
  readonly unused: number;
  /** Chains behind the base that were used then, and those that were used later. */
  readonly tooMany: number;
  readonly later: number;
}

/** Where used elements go on, as a position with nothing outstanding. */
const usedEnd = (position: RingPosition): RingPosition =>
  position.layout === 'split' ? splitPosition(position.used) : packedPosition(position.used, position.usedWrap);

/** How far available elements of one position are in front of the used elements of another; negative: behind them. */
export function inFront(told: RingPosition, end: RingPosition, size: number): number {
  if (told.layout === 'split' && end.layout === 'split') return ((told.avail - end.used) << 16) >> 16;
  if (told.layout === 'packed' && end.layout === 'packed') {
    const laps = told.availWrap === end.usedWrap ? 0 : size;
    const distance = (told.avail + laps - end.used + 2 * size) % (2 * size);
    return distance > size ? distance - 2 * size : distance;
  }
  throw new RangeError('positions of two layouts');
}

/** Stops a ring of one back-end again and again, each time while requests are under way. */
export class StopsUnderWay {
  readonly #context: Context;
  #ring: GuestRing;
  #position: RingPosition;
  #opened: { readonly session: VhostUserSession; readonly driver: DeviceDriver; lives: number } | undefined;
  #mostLives: number;
  readonly #few: number;
  #loads: Loads | undefined;

  /** @param few chains that are made available at once where others follow. */
  constructor(context: Context, few: number) {
    this.#context = context;
    this.#few = few;
    this.#ring = context.ring({ size: ringSize });
    this.#position = this.#ring.position;
    // What is written takes a while: each ring has requests in flight by itself, and few stops are enough.
    this.#mostLives = context.port.facts.workload.kind === 'block' ? 1 : mostLives;
  }

  /**
   * One stop: `few` requests, or `many` that keep the device busy, are followed by others while the message is under way.
   * What is not answered is a failure of the check, and the end of the case.
   */
  next(check: Check, load: 'few' | 'many'): SeenStop {
    const { session, driver, queue } = this.#running();
    this.#loads ??= loadsOf(driver, this.#few);
    queue.makeAvailable(this.#loads[load]);
    queue.kick();
    session.messages.send({ request: 'VHOST_USER_GET_VRING_BASE', payload: { index: queue.index, num: 0 } });
    for (const segments of this.#loads.following) {
      queue.makeAvailable([segments]);
      queue.kick();
    }
    // An end of service here is harm, and shows nothing of where the ring stopped.
    check.isBesideText = true;
    const answer = payloadOf(check.reply(session.messages.receive(), 'GET_VRING_BASE right behind a kick'), 8);
    const told = decodeVringBase(this.#ring.layout, answer.getUint32(4, true));
    const end = usedBy(queue);
    check.reply(session.messages.fence(), 'GET_FEATURES');
    check.isBesideText = false;
    const endBehindFence = usedBy(queue);
    const distance = inFront(told, end, this.#ring.size);
    const behindFence = inFront(told, endBehindFence, this.#ring.size);
    const tooMany = Math.max(0, -distance);
    this.#position = settled(told);
    if (distance === 0 && behindFence === 0) this.#ring.reset(this.#position);
    else this.#leaveRing();
    return {
      told: positionText(settled(told)),
      end: positionText(usedEnd(end)),
      endBehindFence: positionText(usedEnd(endBehindFence)),
      unused: Math.max(0, distance),
      tooMany,
      later: Math.max(0, -behindFence - tooMany),
    };
  }

  /** A ring that serves requests: in a further life on the same session, as far as the back-end gives it one. */
  #running(): { readonly session: VhostUserSession; readonly driver: DeviceDriver; readonly queue: Queue } {
    if ((this.#opened?.lives ?? 0) >= this.#mostLives) this.#close();
    if (this.#opened === undefined) {
      const session = this.#context.connect('negotiated');
      this.#opened = { session, driver: this.#context.driverOf(session), lives: 0 };
    }
    const { session, driver } = this.#opened;
    this.#opened.lives++;
    try {
      const queue = driver.attach(this.#ring, { position: this.#position });
      driver.warmUp(queue);
      return { session, driver, queue };
    } catch (error) {
      const isFirst = this.#opened.lives === 1;
      const isUnserved = error instanceof PremiseError || error instanceof PeerProtocolError;
      if (isFirst || !isUnserved || this.#context.port.iut.exit() !== undefined) throw error;
      this.#mostLives = 1;
      this.#leaveRing();
      return this.#running();
    }
  }

  #close(): void {
    this.#opened?.session.close();
    this.#opened = undefined;
  }

  /** What was in flight may still come into the memory of this ring: the next one lies elsewhere. */
  #leaveRing(): void {
    this.#close();
    this.#ring = this.#context.ring({ size: ringSize });
    this.#position = this.#ring.position;
  }
}

function usedBy(queue: Queue): RingPosition {
  queue.driver.reapUsed();
  return queue.driver.position;
}

interface Loads {
  readonly few: readonly (readonly Segment[])[];
  readonly many: readonly (readonly Segment[])[];
  readonly following: readonly (readonly Segment[])[];
}

function loadsOf(driver: DeviceDriver, few: number): Loads {
  const chains = (count: number, length: number): (readonly Segment[])[] =>
    Array.from({ length: count }, (_, seed) => driver.request({ seed, bytes: length }).segments);
  const after = chains(following, bytes.small);
  if (driver.kind === 'block') {
    // A flush of what was written waits for the disk, and not for a processor: a busy machine meets it under way.
    const write = driver.block.write(new Uint8Array(bytes.large)).segments;
    const large = [...chains(few, bytes.large), write, driver.block.withoutData().segments];
    return { few: large, many: large, following: after };
  }
  const [first = []] = after;
  const room = Math.floor(ringSize / Math.max(1, first.length)) - following - 1;
  const many = chains(Math.min(manyChains, room), 64);
  return { few: many.slice(0, few), many, following: after };
}
