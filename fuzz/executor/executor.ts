import {
  type DriverPort,
  DriverUsageError,
  IutGoneError,
  isOfIut,
  PeerProtocolError,
  RequestsUnknownError,
  type Session,
} from '../../drivers/port/port.ts';
import type { Span } from '../../reference-impl/memory/span.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { payloadOf } from '../program/message-payload.ts';
import type { Call, CallOf, Program } from '../program/program.ts';
import { fieldOf } from '../program/told-message.ts';
import { doorOf, isVhostUser } from './doors.ts';
import { MadeThings } from './made-things.ts';
import { type OutcomeClass, Outcomes } from './outcomes.ts';
import { programLayout } from './program-layouts.ts';
import { RingCalls } from './ring-calls.ts';
import { settle, unanswered } from './settle.ts';
import { transferred } from './state-transfer.ts';
import { toldMapping, toldRegions } from './told-regions.ts';
import { ToldTranslations } from './told-translations.ts';
import type { VfioDoor } from './transport-door.ts';
import { pciCall, vfioCall } from './vfio-call.ts';

/**
 * Parts of the port's deadline: what silences of one program may take together, one wait for an answer, and one for used
 * elements, which may never have been owed. With a deadline of a second: 50, 25 and 10 ms.
 */
const budgetPart = 1 / 20;
const answerPart = 1 / 40;
const usedPart = 1 / 100;
const leastWaitMs = 1;
/** What one program may open: files of memory, sessions, descriptors that it passes. */
const mostGuests = 16;
const mostSessions = 128;
const mostDescriptors = 512;
/** An eventfd counts up to so much. */
const mostAdded = 2n ** 64n - 2n;

/** Runs programs on a port, one after another. It waits at fences and for used elements alone. */
export class Executor {
  readonly #port: DriverPort;
  readonly #made = new MadeThings();
  readonly outcomes = new Outcomes();
  readonly #rings: RingCalls;
  readonly #deadlineMs: number;
  /** The deadline that parts are taken of. */
  #patientMs: number;
  #silentMs = 0;
  #descriptors = 0;

  /** @param patience multiplies what silences may take. */
  constructor(port: DriverPort, patience = 1) {
    this.#port = port;
    this.#rings = new RingCalls(port, this.#made, this.outcomes);
    this.#deadlineMs = port.deadlineMs;
    this.#patientMs = port.deadlineMs * patience;
  }

  /** From now on silences may take so many times as much. */
  setPatience(patience: number): void {
    this.#patientMs = this.#deadlineMs * patience;
  }

  /** What the program that runs has made so far: for those that look behind a call. */
  get made(): MadeThings {
    return this.#made;
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
    port.setDeadline(this.#patientMs * answerPart);
    for (let place = 0; place < calls.length; place++) {
      const outcome = this.#outcomeOf(calls[place] as Call);
      outcomes.add(outcome);
      if (outcome === 'silent') this.#countSilence(calls[place]?.kind === 'wait' ? usedPart : answerPart);
      after(place);
      this.#made.dropRequested(port.descriptors);
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
      // A transport may have no way to do it now.
      if (error instanceof DriverUsageError || error instanceof RequestsUnknownError) {
        this.outcomes.setBroken();
        return 'skipped';
      }
      if (error instanceof IutGoneError) return 'died';
      if (error instanceof PeerProtocolError) return this.#port.iut.exit() === undefined ? 'malformed' : 'died';
      if (isOfIut(error)) return 'silent';
      throw error;
    }
  }

  #execute(call: Call): OutcomeClass {
    const made = this.#made;
    const port = this.#port;
    const { outcomes } = this;
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
          return settle(outcomes, doorOf(session).shutdown(call.how === 'shutdown-write' ? 'write' : 'both'));
        }
        session.close();
        return 'made';
      }
      case 'negotiate': {
        const session = this.#session(call.session);
        if (session === undefined) return 'skipped';
        if (call.exact) return settle(outcomes, doorOf(session).negotiateExactly(call));
        session.negotiate({ device: call.device, protocol: call.protocol });
        return 'made';
      }
      case 'memory':
        if (made.guests.size >= mostGuests) return 'full';
        made.guests.set(
          call.id,
          port.createGuest(programLayout(call.layout, port.facts.transport !== 'vhost-user'), { redZones: true }),
        );
        return 'made';
      case 'share': {
        const session = this.#session(call.session);
        const guest = made.guests.get(call.memory);
        if (session === undefined || guest === undefined) return 'skipped';
        const untold = call.untold ? doorOf(session).shareUntold?.(guest) : undefined;
        if (untold === undefined) made.translations.set(session, new ToldTranslations(guest.regions));
        else made.translations.delete(session);
        return settle(outcomes, untold ?? session.shareMemory(guest));
      }
      case 'memory-table': {
        const session = this.#session(call.session);
        if (session === undefined) return 'skipped';
        const regions = toldRegions(made, port.descriptors, call.regions);
        return settle(outcomes, doorOf(session).memoryTable(regions, call.count ?? regions.length));
      }
      case 'memory-slot': {
        const session = this.#session(call.session);
        const [region] = toldRegions(made, port.descriptors, call.regions.slice(0, 1));
        if (session === undefined || region === undefined) return 'skipped';
        return settle(outcomes, doorOf(session).memorySlot(call.how, region));
      }
      case 'ring':
        return this.#rings.place(call);
      case 'attach': {
        const session = this.#session(call.session);
        return session === undefined ? 'skipped' : this.#rings.attach(call, session);
      }
      case 'chain': {
        const queue = this.#made.liveQueue(call.queue);
        return queue === undefined ? 'skipped' : this.#rings.add(call, queue);
      }
      case 'kick': {
        const queue = this.#made.liveQueue(call.queue);
        return queue === undefined ? 'skipped' : this.#rings.kick(queue, call.asked);
      }
      case 'record': {
        const queue = this.#made.liveQueue(call.queue);
        return queue === undefined ? 'skipped' : this.#rings.record(call, queue);
      }
      case 'ask': {
        const queue = this.#made.liveQueue(call.queue);
        return queue === undefined ? 'skipped' : this.#rings.ask(call, queue);
      }
      case 'wait': {
        const queue = this.#made.liveQueue(call.queue);
        return queue === undefined ? 'skipped' : this.#rings.wait(queue, call.count, this.#waitMs(usedPart));
      }
      case 'stop': {
        const queue = this.#made.liveQueue(call.queue);
        return queue === undefined ? 'skipped' : this.#rings.stop(queue);
      }
      case 'enable': {
        const queue = this.#made.liveQueue(call.queue);
        return queue === undefined ? 'skipped' : settle(outcomes, queue.queue.setEnabled(call.on));
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
        return reset === undefined ? 'skipped' : settle(outcomes, reset());
      }
      case 'status': {
        const status = this.#session(call.session)?.device.status;
        if (status === undefined) return 'skipped';
        if (call.value !== undefined) return settle(outcomes, status.set(call.value));
        const read = status.get();
        if (read.kind === 'number') outcomes.setValue(BigInt(read.value));
        return read.kind === 'number' ? 'answered' : unanswered(read);
      }
      case 'read-config': {
        const config = this.#session(call.session)?.device.config;
        if (config === undefined) return 'skipped';
        const read = config.read(call.offset, call.length);
        if (read.kind === 'bytes') outcomes.setBytes(read.bytes);
        return read.kind === 'bytes' ? 'answered' : unanswered(read);
      }
      case 'write-config': {
        const config = this.#session(call.session)?.device.config;
        return config === undefined ? 'skipped' : settle(outcomes, config.write(call.offset, call.bytes));
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
        made.files.set(call.id, descriptors);
        const [file] = descriptors;
        if (call.descriptors[0]?.kind === 'memory-file' && file !== undefined) made.buffers.set(call.id, file);
        const payload = payloadOf(call, made.addressOf);
        const outcome = settle(outcomes, doorOf(session).message(call, payload, descriptors));
        const [event = -1] = events;
        if (call.request === requestId.VHOST_USER_SET_VRING_KICK && event >= 0 && isVhostUser(session)) {
          made.kicksComeLate(session, Number((fieldOf(call, 'u64') ?? 0n) & 0xffn), event);
        }
        return outcome;
      }
      case 'bytes': {
        const session = this.#session(call.session);
        if (session === undefined) return 'skipped';
        return settle(outcomes, doorOf(session).bytes(call.bytes, this.#passed(call.descriptors)));
      }
      case 'signal': {
        const events = made.events.get(call.event) ?? [];
        const event = events[call.number % Math.max(events.length, 1)] ?? -1;
        if (event < 0) return 'skipped';
        // The one number that the kernel refuses to add to an eventfd.
        port.descriptors.signal(event, call.value === mostAdded + 1n ? mostAdded : call.value);
        return 'sent';
      }
      case 'transfer':
        return this.#transferred(call);
      case 'channel': {
        const session = this.#session(call.session);
        return session === undefined ? 'skipped' : settle(outcomes, doorOf(session).channel(call.policy));
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
      case 'iotlb': {
        const session = this.#session(call.session);
        const told = toldMapping(made, call);
        if (session === undefined || told === undefined) return 'skipped';
        const { request, asid, permission } = call;
        const answer = doorOf(session).iotlb?.({ request, asid, permission, ...told }, call.truncate);
        return answer === undefined ? 'skipped' : settle(outcomes, answer);
      }
      case 'pci-read':
      case 'pci-write':
      case 'pci-window': {
        const session = this.#session(call.session);
        const pci = session === undefined ? undefined : doorOf(session).pci;
        return pci === undefined ? 'skipped' : settle(outcomes, pciCall(pci, call));
      }
      case 'region-read':
      case 'region-write':
      case 'region-map':
      case 'device-call':
      case 'container-call': {
        const vfio = this.#vfio(call.session);
        return vfio === undefined ? 'skipped' : settle(outcomes, vfioCall(vfio, call, made, port.descriptors));
      }
    }
  }

  #transferred(call: CallOf<'transfer'>): OutcomeClass {
    const made = this.#made;
    const session = this.#session(call.session);
    const { savedState } = made;
    if (session === undefined || !isVhostUser(session) || (call.how === 'load' && savedState === undefined))
      return 'skipped';
    const state = savedState?.subarray(0, Math.max(savedState.length - call.less, 0)) ?? new Uint8Array(0);
    const outcome = transferred(this.#port, session, call, state);
    if (outcome.kind !== 'transferred') return outcome.kind;
    made.transfers.set(call.id, outcome.seen);
    made.savedState = outcome.saved ?? savedState;
    this.outcomes.setValue(outcome.seen.answer ?? 0n);
    return 'answered';
  }

  #vfio(id: number): VfioDoor | undefined {
    const session = this.#session(id);
    return session === undefined ? undefined : doorOf(session).vfio;
  }

  #session(id: number): Session | undefined {
    const session = this.#made.sessions.get(id);
    return session?.isOpen === true ? session : undefined;
  }

  #connected(id: number): OutcomeClass {
    const { sessions } = this.#made;
    if (sessions.size >= mostSessions) return 'full';
    const opened = this.#port.connect();
    if (opened.kind === 'refused') return this.#port.iut.exit() === undefined ? 'refused' : 'died';
    sessions.set(id, opened.session);
    return 'made';
  }

  #passed(told: CallOf<'message'>['descriptors'], events?: number[]): number[] {
    const left = mostDescriptors - this.#descriptors;
    this.#descriptors += told.length;
    return this.#made.descriptorsOf(this.#port.descriptors, told.slice(0, Math.max(left, 0)), events);
  }

  /** So much as this part of the deadline, and no more than silences have left of their budget. */
  #waitMs(part: number): number {
    const left = this.#patientMs * budgetPart - this.#silentMs;
    return Math.max(Math.min(left, this.#patientMs * part), leastWaitMs);
  }

  /** A silence took of what there is: the next ones end sooner. */
  #countSilence(part: number): void {
    this.#silentMs += this.#waitMs(part);
    this.#port.setDeadline(this.#waitMs(answerPart));
  }
}

/** Bytes beyond the end are left out. */
function stored(span: Span, offset: number, bytes: Uint8Array): OutcomeClass {
  const start = offset % Math.max(span.length, 1);
  const room = span.length - start;
  span.store(bytes.length > room ? bytes.subarray(0, room) : bytes, start);
  return 'made';
}
