import { type DriverPort, DriverUsageError, type RingPosition, type Session } from '../../drivers/port/port.ts';
import { type RingSetUpMessage, ringSetUp } from '../../drivers/port/ring-set-up.ts';
import type { Span } from '../../reference-impl/memory/span.ts';
import { VIRTIO_F_EVENT_IDX } from '../../reference-impl/virtqueue/feature-bits.ts';
import { eventFlags, eventWord, RING_EVENT_FLAGS_DESC } from '../../reference-impl/virtqueue/packed/layout.ts';
import { PackedRing } from '../../reference-impl/virtqueue/packed/ring-memory.ts';
import { isEmptyAt, packedPosition, splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { readable, type Segment, writable } from '../../reference-impl/virtqueue/segment.ts';
import { VIRTQ_AVAIL_F_NO_INTERRUPT } from '../../reference-impl/virtqueue/split/layout.ts';
import { SplitRing } from '../../reference-impl/virtqueue/split/ring-memory.ts';
import { encodeVringBase } from '../../reference-impl/wire/vring-base.ts';
import { type CallOf, largestBuffer } from '../program/program.ts';
import { positionOfRing, sizeOfRing } from '../program/ring-shape.ts';
import { addChain } from './add-chain.ts';
import { doorOf, isVhostUser } from './doors.ts';
import { leftRecord } from './left-record.ts';
import type { MadeQueue, MadeRing, MadeThings } from './made-things.ts';
import type { OutcomeClass, Outcomes } from './outcomes.ts';
import { settle } from './settle.ts';

/** The message without which a ring is set up. */
const leftOut = {
  'without-error': 'VHOST_USER_SET_VRING_ERR',
  'without-call': 'VHOST_USER_SET_VRING_CALL',
  'without-kick': 'VHOST_USER_SET_VRING_KICK',
} as const;

/** Used elements that are taken at once: a ring that was written over can show any number. */
const mostTaken = 4096;

/** The calls of rings: each says what came of it, and puts what it saw into the outcomes. */
export class RingCalls {
  readonly #port: DriverPort;
  readonly #made: MadeThings;
  readonly #outcomes: Outcomes;

  constructor(port: DriverPort, made: MadeThings, outcomes: Outcomes) {
    this.#port = port;
    this.#made = made;
    this.#outcomes = outcomes;
  }

  place(call: CallOf<'ring'>): OutcomeClass {
    const guest = this.#made.guests.get(call.memory);
    if (guest === undefined) return 'skipped';
    const { layout, placement } = call;
    const ring = guest.ring({ layout, size: sizeOfRing(call), position: positionOfRing(call), placement });
    this.#made.rings.set(call.id, { ring, guest, queue: undefined, goesOnAt: undefined });
    return 'made';
  }

  attach({ id, ring: ringId, index, enable, call, kick, order }: CallOf<'attach'>, session: Session): OutcomeClass {
    const made = this.#made.rings.get(ringId);
    if (made === undefined) return 'skipped';
    const { ring } = made;
    const position = this.#beginning(made);
    const queue = session.attach(ring, { index, position, enable, call, kick, ...this.#orderOf(order) });
    made.queue = queue;
    made.goesOnAt = undefined;
    const kept = keptSlots(position, ring.size);
    this.#made.attached(id, { queue, session, made, kept, hasKick: order !== 'without-kick', lateKick: undefined });
    // The fence behind the set-up: its calls are not those of buffers.
    queue.drainCalls();
    if (session.isOpen) return 'fenced';
    return this.#port.iut.exit() === undefined ? 'closed' : 'died';
  }

  /** A target that wants an order of its own keeps it. */
  #orderOf(asked: CallOf<'attach'>['order']): { readonly order?: readonly RingSetUpMessage[] } {
    const { setUpOrder } = this.#port.facts;
    switch (asked) {
      case 'usual':
        return {};
      case 'without-error':
      case 'without-call':
      case 'without-kick':
        return { order: (setUpOrder ?? ringSetUp).filter((name) => name !== leftOut[asked]) };
      case 'enable-first': {
        const enable = 'VHOST_USER_SET_VRING_ENABLE';
        return setUpOrder === undefined ? { order: [enable, ...ringSetUp.filter((name) => name !== enable)] } : {};
      }
    }
  }

  add(call: CallOf<'chain'>, { queue: { driver }, session, made, kept }: MadeQueue): OutcomeClass {
    const { segments: told, held } = call;
    if (told.length === 0) return 'skipped';
    const free = driver.freeDescriptors - kept;
    if (free < 1 || (call.direct === undefined && told.length > free)) return 'full';
    const segments: Segment[] = [];
    for (const { writable: isWritable, length, bytes, at, place, access } of told) {
      const size = length ?? bytes.length;
      if (at !== undefined) {
        segments.push(this.#made.segmentAt(at, size, isWritable));
        continue;
      }
      const span = this.#buffer(made, Math.min(Math.max(size, bytes.length, 1), largestBuffer), place);
      if (span === undefined) return 'full';
      span.store(bytes);
      const segment = { ...(isWritable ? writable(span) : readable(span)), length: size };
      if (access !== 'untold') this.#translate(session, segment, access);
      segments.push(segment);
    }
    const added = addChain(driver, segments, call, this.#made.addressOf);
    if (added === 'ring-full') return 'full';
    this.#outcomes.setValue(BigInt(added));
    this.#made.chains.set(call.id, segments);
    if (!held) driver.publish();
    return 'made';
  }

  /** The place that a packed ring names counts beside RING_EVENT_FLAGS_DESC alone: beside others it may be any. */
  ask({ how, after, flagged }: CallOf<'ask'>, { session, queue: { driver }, made: { ring } }: MadeQueue): OutcomeClass {
    const at = after % driver.size;
    if (how === 'none') driver.disableCalls();
    else driver.enableCalls(how === 'at' ? at : 0);
    if (ring instanceof PackedRing && eventFlags(ring.driverEvent()) !== RING_EVENT_FLAGS_DESC) {
      ring.setDriverEvent(eventWord(eventFlags(ring.driverEvent()), at, 1));
    }
    const hasEvents = (session.negotiated.accepted.device & VIRTIO_F_EVENT_IDX) !== 0n;
    if (hasEvents && ring instanceof SplitRing) ring.setAvailFlags(flagged ? VIRTQ_AVAIL_F_NO_INTERRUPT : 0);
    return 'made';
  }

  wait({ queue }: MadeQueue, count: number, waitMs: number): OutcomeClass {
    const { driver } = queue;
    let outcome: OutcomeClass = 'answered';
    if (driver.usedCount() < count) {
      const waited = this.#port.until(() => driver.usedCount() >= count, waitMs);
      if (waited !== 'true') outcome = waited === 'deadline' ? 'silent' : waited;
    }
    const there = Math.min(driver.usedCount(), mostTaken);
    if (there > 0) this.#outcomes.addUsed(queue.waitForUsed(there, 0));
    this.#outcomes.setCalls(queue.calls());
    return outcome;
  }

  kick({ queue, hasKick, lateKick }: MadeQueue, asked: boolean): OutcomeClass {
    if (asked && !queue.driver.needsKick()) return 'made';
    if (hasKick) queue.kick();
    else if (lateKick === undefined) return 'skipped';
    else this.#port.descriptors.signal(lateKick);
    return 'sent';
  }

  /** The first ring's region begins with the file. */
  record(call: CallOf<'record'>, { queue, session }: MadeQueue): OutcomeClass {
    const file = this.#made.buffers.get(call.event);
    const left = leftRecord(queue.ring, queue.driver.position, call);
    if (file === undefined || left === undefined || queue.index > 0 || !isVhostUser(session)) return 'skipped';
    const { descriptors } = this.#port;
    if (descriptors.sizeOf(file) < left.bytes.length) return 'skipped';
    descriptors.store(file, 0, left.bytes);
    this.#made.records.set(call.id, left);
    if (!call.based) return 'made';
    const payload = { index: queue.index, num: encodeVringBase(left.position) };
    return settle(this.#outcomes, session.messages.acknowledged({ request: 'VHOST_USER_SET_VRING_BASE', payload }));
  }

  stop({ queue, made }: MadeQueue): OutcomeClass {
    const stopped = queue.stop();
    if (stopped.kind !== 'stopped') return stopped.kind;
    // Where no call tells the position, it is the one that the driver knows.
    const { position } = this.#port.facts.ringsStop === undefined ? stopped : queue.driver;
    if (made.queue === queue) made.goesOnAt = position;
    const { avail, used } = position;
    this.#outcomes.setValue(BigInt(avail) | (BigInt(used) << 16n));
    return 'answered';
  }

  /**
   * Where a ring begins. It goes on where it stopped, as long as no chain is outstanding, of this life or from its beginning
   * on: the driver's side of its next life would not know those. Else its memory is that of a fresh ring.
   */
  #beginning({ ring, queue, goesOnAt }: MadeRing): RingPosition {
    // A ring whose stop tells no position begins at its start.
    const isAnew = goesOnAt === undefined || this.#port.facts.ringsStop === 'without-position';
    const position = isAnew ? ring.position : atAvail(goesOnAt);
    if (queue === undefined) return position;
    const { outstanding, position: ofDriver } = queue.driver;
    // Behind a reset a device that used nothing may say any place, at which nothing stands.
    const isElsewhere = queue.usedCount() === 0 && encodeVringBase(atAvail(ofDriver)) !== encodeVringBase(position);
    if (isAnew || outstanding > 0 || !isEmptyAt(ofDriver) || isElsewhere) ring.reset(position);
    return position;
  }

  #translate(session: Session, segment: Segment, access: keyof typeof permissions | 'dropped'): void {
    const { ioVirtualAddress, userAddress, length } = segment;
    const mapping = { ioVirtualAddress, userAddress, size: BigInt(length) };
    const door = doorOf(session);
    const told = this.#made.translations.get(session);
    // What is taken back is an entry of its own.
    for (const permission of access === 'dropped' ? [permissions['read-write'], undefined] : [permissions[access]]) {
      for (const each of told?.changed(mapping, permission) ?? [{ ...mapping, permission }]) {
        if (each.permission === undefined) door.dropTranslation?.(each);
        else door.translate?.(each, each.permission);
      }
    }
  }

  /** Anywhere, where the place that is asked for has no room. */
  #buffer({ guest }: Pick<MadeRing, 'guest'>, size: number, place: keyof typeof placements): Span | undefined {
    try {
      return guest.allocate({ size, ...placements[place] });
    } catch (error) {
      if (!(error instanceof DriverUsageError)) throw error;
      return place === 'anywhere' ? undefined : this.#buffer({ guest }, size, 'anywhere');
    }
  }
}

/** As the IOTLB spells them. */
const permissions = { none: 0, read: 1, write: 2, 'read-write': 3 } as const;

/** How each place of a buffer is asked for. */
const placements = {
  anywhere: {},
  odd: { skew: 1 },
  'region-end': { at: 'region-end' },
  'across-regions': { crossing: 'region' },
} as const;

/** Between the halves of a packed position. */
const keptSlots = (position: RingPosition, size: number): number =>
  position.layout === 'split' ? 0 : (position.avail - position.used + size) % size;

/** With no chain outstanding both halves of a position are one; not every back-end tells the used half of a packed one. */
function atAvail(position: RingPosition): RingPosition {
  switch (position.layout) {
    case 'split':
      return splitPosition(position.avail);
    case 'packed':
      return packedPosition(position.avail, position.availWrap);
  }
}
