import {
  type ControlOutcome,
  type DriverPort,
  DriverUsageError,
  IutGoneError,
  isOfIut,
  type NoAnswer,
  PeerProtocolError,
  type Session,
} from '../../drivers/port/port.ts';
import { type GuestLayoutName, guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import type { Span } from '../../reference-impl/memory/span.ts';
import { readable, type Segment, writable } from '../../reference-impl/virtqueue/segment.ts';
import { payloadOf } from '../program/message-payload.ts';
import { type Call, type CallOf, largestBuffer, type Program } from '../program/program.ts';
import { addChain } from './add-chain.ts';
import { doorOf } from './doors.ts';
import { type MadeQueue, MadeThings } from './made-things.ts';
import { type OutcomeClass, Outcomes } from './outcomes.ts';
import { positionOfRing, sizeOfRing } from './ring-shape.ts';
import type { DoorOutcome, ToldRegion } from './transport-door.ts';

/** What silences of one program may take together, in milliseconds, before they are waited for no longer. */
const silenceBudgetMs = 50;
const leastWaitMs = 1;
/** What one program may open: files of memory, sessions, descriptors that it passes. */
const mostGuests = 16;
const mostSessions = 16;
const mostDescriptors = 512;
/** Used elements that are taken at once: a ring that was written over can show any number. */
const mostTaken = 4096;

/** Runs programs on a port, one after another. It waits at fences and for used elements alone. */
export class Executor {
  readonly #port: DriverPort;
  readonly #made = new MadeThings();
  readonly outcomes = new Outcomes();
  readonly #deadlineMs: number;
  #silentMs = 0;
  #descriptors = 0;

  constructor(port: DriverPort) {
    this.#port = port;
    this.#deadlineMs = port.deadlineMs;
  }

  /**
   * Executes a resolved program to its end, or to the end of the IUT, and closes all that it opened. What came of its
   * calls is in `outcomes`, up to the next program.
   * @param after called behind each call, with its place.
   */
  run({ calls }: Program, after: (place: number) => void = () => undefined): void {
    const port = this.#port;
    const { outcomes } = this;
    outcomes.restart();
    this.#silentMs = 0;
    this.#descriptors = 0;
    port.log.restart();
    port.oracle.begin(true);
    port.setDeadline(silenceBudgetMs);
    for (let place = 0; place < calls.length; place++) {
      const outcome = this.#outcomeOf(calls[place] as Call);
      outcomes.add(outcome);
      if (outcome === 'silent') this.#countSilence();
      if (calls[place]?.kind === 'wait') this.#countCalls((calls[place] as CallOf<'wait'>).queue);
      after(place);
      if (outcome === 'died') break;
    }
    port.setDeadline(this.#deadlineMs);
    this.#made.clear();
    port.releaseAll();
  }

  /** What an IUT does is an outcome; what the driver cannot do with such arguments is skipped. */
  #outcomeOf(call: Call): OutcomeClass {
    try {
      return this.#execute(call);
    } catch (error) {
      if (error instanceof DriverUsageError) return 'skipped';
      if (error instanceof IutGoneError) return 'died';
      if (error instanceof PeerProtocolError) return this.#port.iut.exit() === undefined ? 'malformed' : 'died';
      if (isOfIut(error)) return 'silent';
      throw error;
    }
  }

  #execute(call: Call): OutcomeClass {
    const made = this.#made;
    const port = this.#port;
    switch (call.kind) {
      case 'connect':
        if (!call.beside) for (const session of made.sessions.values()) session.close();
        return this.#connected(call.id);
      case 'reconnect':
        made.sessions.get(call.session)?.close();
        return this.#connected(call.id);
      case 'disconnect': {
        const session = this.#session(call.session);
        if (session === undefined) return 'skipped';
        if (call.how !== 'close') {
          return this.#settled(doorOf(session).shutdown(call.how === 'shutdown-write' ? 'write' : 'both'));
        }
        session.close();
        return 'made';
      }
      case 'negotiate': {
        const session = this.#session(call.session);
        if (session === undefined) return 'skipped';
        if (call.exact) return this.#settled(doorOf(session).negotiateExactly(call));
        session.negotiate({ device: call.device, protocol: call.protocol });
        return 'made';
      }
      case 'memory':
        if (made.guests.size >= mostGuests) return 'full';
        made.guests.set(call.id, port.createGuest(guestLayouts[call.layout as GuestLayoutName]));
        return 'made';
      case 'share': {
        const session = this.#session(call.session);
        const guest = made.guests.get(call.memory);
        return session === undefined || guest === undefined ? 'skipped' : this.#settled(session.shareMemory(guest));
      }
      case 'memory-table': {
        const session = this.#session(call.session);
        if (session === undefined) return 'skipped';
        const regions = this.#toldRegions(call.regions);
        return this.#settled(doorOf(session).memoryTable(regions, call.count ?? regions.length));
      }
      case 'memory-slot': {
        const session = this.#session(call.session);
        const [region] = this.#toldRegions(call.regions.slice(0, 1));
        if (session === undefined || region === undefined) return 'skipped';
        return this.#settled(doorOf(session).memorySlot(call.how, region));
      }
      case 'ring':
        return this.#placed(call);
      case 'attach':
        return this.#attached(call);
      case 'chain':
        return this.#added(call);
      case 'kick': {
        const queue = this.#queue(call.queue);
        if (queue === undefined) return 'skipped';
        queue.queue.kick();
        return 'sent';
      }
      case 'wait':
        return this.#waited(call);
      case 'stop': {
        const queue = this.#queue(call.queue);
        if (queue === undefined) return 'skipped';
        const stopped = queue.queue.stop();
        if (stopped.kind !== 'stopped') return stopped.kind;
        queue.made.goesOnAt = stopped.position;
        const { avail, used } = stopped.position;
        this.outcomes.setValue(BigInt(avail) | (BigInt(used) << 16n));
        return 'answered';
      }
      case 'enable': {
        const queue = this.#queue(call.queue);
        return queue === undefined ? 'skipped' : this.#settled(queue.queue.setEnabled(call.on));
      }
      case 'ring-write': {
        const area = made.rings.get(call.ring)?.ring.areas[call.area];
        return area === undefined ? 'skipped' : stored(area, call.offset, call.bytes);
      }
      case 'memory-write': {
        const guest = made.guests.get(call.memory);
        const region = made.region(call.memory, call.region);
        if (guest === undefined || region === undefined) return 'skipped';
        return stored(guest.spanAt(region.guestAddress, region.size), call.offset, call.bytes);
      }
      case 'reset': {
        const reset = this.#session(call.session)?.device.reset;
        return reset === undefined ? 'skipped' : this.#settled(reset());
      }
      case 'status': {
        const status = this.#session(call.session)?.device.status;
        if (status === undefined) return 'skipped';
        if (call.value !== undefined) return this.#settled(status.set(call.value));
        const read = status.get();
        if (read.kind === 'number') this.outcomes.setValue(BigInt(read.value));
        return read.kind === 'number' ? 'answered' : this.#unanswered(read);
      }
      case 'read-config': {
        const config = this.#session(call.session)?.device.config;
        if (config === undefined) return 'skipped';
        const read = config.read(call.offset, call.length);
        if (read.kind === 'bytes') this.outcomes.setBytes(read.bytes);
        return read.kind === 'bytes' ? 'answered' : this.#unanswered(read);
      }
      case 'write-config': {
        const config = this.#session(call.session)?.device.config;
        return config === undefined ? 'skipped' : this.#settled(config.write(call.offset, call.bytes));
      }
      case 'fence': {
        const fence = this.#session(call.session)?.fence();
        if (fence === undefined) return 'skipped';
        return fence.kind === 'passed' ? 'fenced' : fence.kind;
      }
      case 'message': {
        const session = this.#session(call.session);
        if (session === undefined) return 'skipped';
        const events: number[] = [];
        const descriptors = this.#passed(call.descriptors, events);
        made.events.set(call.id, events);
        const payload = payloadOf(call, made.addressOf);
        return this.#settled(doorOf(session).message(call, payload, descriptors));
      }
      case 'bytes': {
        const session = this.#session(call.session);
        if (session === undefined) return 'skipped';
        return this.#settled(doorOf(session).bytes(call.bytes, this.#passed(call.descriptors)));
      }
      case 'signal': {
        const events = made.events.get(call.event) ?? [];
        const event = events[call.number % Math.max(events.length, 1)] ?? -1;
        if (event < 0) return 'skipped';
        port.descriptors.signal(event, call.value);
        return 'sent';
      }
      case 'channel': {
        const session = this.#session(call.session);
        return session === undefined ? 'skipped' : this.#settled(doorOf(session).channel(call.policy));
      }
      case 'change': {
        const place = call.at === undefined ? undefined : made.placeOf(call.at);
        if (place === undefined) return 'skipped';
        const patterns = call.patterns.map(({ bytes }) => bytes);
        made.changes.set(call.id, port.changeMemory(place.region, place.offset, patterns, call.periodNs));
        return 'made';
      }
      case 'settle': {
        const writes = made.changes.get(call.change)?.stop();
        return writes === undefined ? 'skipped' : 'made';
      }
    }
  }

  #session(id: number): Session | undefined {
    const session = this.#made.sessions.get(id);
    return session?.isOpen === true ? session : undefined;
  }

  #queue(id: number): MadeQueue | undefined {
    const queue = this.#made.queues.get(id);
    return queue?.session.isOpen === true ? queue : undefined;
  }

  #connected(id: number): OutcomeClass {
    const { sessions } = this.#made;
    if (sessions.size >= mostSessions) return 'full';
    const opened = this.#port.connect();
    if (opened.kind === 'refused') return this.#port.iut.exit() === undefined ? 'refused' : 'died';
    sessions.set(id, opened.session);
    return 'made';
  }

  #placed(call: CallOf<'ring'>): OutcomeClass {
    const guest = this.#made.guests.get(call.memory);
    if (guest === undefined) return 'skipped';
    const { layout, placement } = call;
    const ring = guest.ring({ layout, size: sizeOfRing(call), position: positionOfRing(call), placement });
    this.#made.rings.set(call.id, { ring, guest, goesOnAt: undefined });
    return 'made';
  }

  #attached({ id, session: sessionId, ring: ringId, index, enable, call, kick }: CallOf<'attach'>): OutcomeClass {
    const session = this.#session(sessionId);
    const made = this.#made.rings.get(ringId);
    if (session === undefined || made === undefined) return 'skipped';
    const { ring, goesOnAt: position = ring.position } = made;
    const queue = session.attach(ring, { index, position, enable, call, kick });
    this.#made.queues.set(id, { queue, session, made });
    // The fence behind the set-up: its calls are not those of buffers.
    queue.drainCalls();
    return session.isOpen ? 'fenced' : this.#closed();
  }

  #added(call: CallOf<'chain'>): OutcomeClass {
    const { segments: told, held } = call;
    const of = this.#queue(call.queue);
    if (of === undefined || told.length === 0) return 'skipped';
    const { made } = of;
    const { driver } = of.queue;
    if (call.direct === undefined && told.length > driver.freeDescriptors) return 'full';
    const segments: Segment[] = [];
    for (const { writable: isWritable, length, bytes, at } of told) {
      const size = length ?? bytes.length;
      if (at !== undefined) {
        segments.push(this.#made.segmentAt(at, size, isWritable));
        continue;
      }
      const span = this.#buffer(made.guest, Math.min(Math.max(size, bytes.length, 1), largestBuffer));
      if (span === undefined) return 'full';
      span.store(bytes);
      segments.push({ ...(isWritable ? writable(span) : readable(span)), length: size });
    }
    const added = addChain(driver, segments, call);
    if (added === 'ring-full') return 'full';
    this.outcomes.setValue(BigInt(added));
    if (!held) driver.publish();
    return 'made';
  }

  #buffer(guest: MadeQueue['made']['guest'], size: number): Span | undefined {
    try {
      return guest.allocate({ size });
    } catch (error) {
      if (error instanceof DriverUsageError) return undefined;
      throw error;
    }
  }

  #waited({ queue: id, count }: CallOf<'wait'>): OutcomeClass {
    const of = this.#queue(id);
    if (of === undefined) return 'skipped';
    const { queue } = of;
    const { driver } = queue;
    let outcome: OutcomeClass = 'answered';
    if (driver.usedCount() < count) {
      const waited = this.#port.until(() => driver.usedCount() >= count, this.#waitMs());
      if (waited !== 'true') outcome = waited === 'deadline' ? 'silent' : waited;
    }
    const there = Math.min(driver.usedCount(), mostTaken);
    if (there > 0) this.outcomes.addUsed(queue.waitForUsed(there, 0));
    return outcome;
  }

  #toldRegions(regions: CallOf<'memory-table'>['regions']): ToldRegion[] {
    const made = this.#made;
    return regions.flatMap((told) => {
      const region = made.region(told.memory, told.region);
      if (region === undefined) return [];
      const { addressOf } = made;
      const { guestAddress, size, userAddress, mmapOffset, file } = told;
      return [
        {
          guestAddress: guestAddress === undefined ? region.guestAddress : addressOf(guestAddress),
          size: size === undefined ? BigInt(region.size) : addressOf(size),
          userAddress: userAddress === undefined ? region.userAddress : addressOf(userAddress),
          ioVirtualAddress: guestAddress === undefined ? region.ioVirtualAddress : addressOf(guestAddress),
          mmapOffset: mmapOffset === undefined ? region.mmapOffset : addressOf(mmapOffset),
          descriptor: file ? this.#port.descriptors.ofRegion(region) : -1,
        },
      ];
    });
  }

  #passed(told: CallOf<'message'>['descriptors'], events?: number[]): number[] {
    const left = mostDescriptors - this.#descriptors;
    this.#descriptors += told.length;
    return this.#made.descriptorsOf(this.#port.descriptors, told.slice(0, Math.max(left, 0)), events);
  }

  /** The class of what came of a control operation, with its value. */
  #settled(outcome: ControlOutcome | DoorOutcome): OutcomeClass {
    switch (outcome.kind) {
      case 'done':
        if (outcome.value !== undefined) this.outcomes.setValue(outcome.value);
        if (outcome.by === 'fence') return 'fenced';
        return outcome.by === 'return' ? 'returned' : 'acknowledged';
      case 'refused':
        this.outcomes.setValue(BigInt(outcome.value));
        return 'refused';
      case 'answered':
        this.outcomes.setBytes(outcome.bytes);
        return 'answered';
      case 'sent':
      case 'skipped':
      case 'closed':
      case 'silent':
      case 'died':
        return outcome.kind;
    }
  }

  #unanswered(read: NoAnswer | { readonly kind: 'unreadable' }): OutcomeClass {
    return read.kind === 'unreadable' ? 'malformed' : read.kind;
  }

  #closed(): OutcomeClass {
    return this.#port.iut.exit() === undefined ? 'closed' : 'died';
  }

  #waitMs(): number {
    return Math.max(silenceBudgetMs - this.#silentMs, leastWaitMs);
  }

  /** A silence took what was left: the next ones end soon. */
  #countSilence(): void {
    this.#silentMs = Math.min(this.#silentMs + this.#waitMs(), silenceBudgetMs);
    this.#port.setDeadline(this.#waitMs());
  }

  #countCalls(id: number): void {
    const of = this.#queue(id);
    if (of !== undefined) this.outcomes.setCalls(of.queue.calls());
  }
}

/** Bytes beyond the end are left out. */
function stored(span: Span, offset: number, bytes: Uint8Array): OutcomeClass {
  const start = offset % Math.max(span.length, 1);
  const room = span.length - start;
  span.store(bytes.length > room ? bytes.subarray(0, room) : bytes, start);
  return 'made';
}
