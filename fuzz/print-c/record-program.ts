import type { DriverPort } from '../../drivers/port/port.ts';
import { control } from '../../judging/control.ts';
import { isServing } from '../../judging/liveness.ts';
import { Executor } from '../executor/executor.ts';
import type { MadeThings } from '../executor/made-things.ts';
import type { Outcomes } from '../executor/outcomes.ts';
import { printCall } from '../program/print-program.ts';
import type { Call, CallOf, Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import { spied } from '../recorder/spied.ts';
import { u16At } from './memory-shadow.ts';
import type { Recording, Transfer } from './recording.ts';
import { TrafficRecorder } from './traffic-recorder.ts';

/** What is waited for may come late on a busy machine: the recording has time. */
const patience = 20;
/** A pause where the device gave nothing back that was waited for, and one in which a back-end ends that has to. */
const pauseMs = 20;
const endsWithinMs = 200;
const usedFlagsOffset = 14;
const descriptorSize = 16;
const usedIdxOffset = 2;

export interface RecordOptions {
  /** A transfer behind all programs is recorded as well. */
  readonly transfer?: boolean;
  /** Behind each program a new session is asked whether it is served, as a campaign does. */
  readonly liveness?: boolean;
}

/**
 * Runs programs on a port, one after another, and records what that did. Undefined for a port whose sessions have no
 * connection of bytes.
 */
export function recorded(
  port: DriverPort,
  programs: readonly Program[],
  { transfer: withTransfer = false, liveness = false }: RecordOptions = {},
): Recording | undefined {
  if (port.observeTraffic === undefined) return undefined;
  const recorder = new TrafficRecorder(port.descriptors);
  const watched = watchedPort(port, recorder);
  port.observeTraffic(recorder);
  try {
    const executor = new Executor(watched, patience);
    for (const program of programs) {
      const { calls } = resolved(program);
      new CallRecorder(recorder, executor, calls).run();
      if (liveness) isServing(watched);
    }
    const steps = recorder.takeSteps();
    const transfer = withTransfer ? recordedTransfer(watched, recorder) : undefined;
    const { things, sessionCount } = recorder;
    return { things, sessions: sessionCount, steps, ...(transfer === undefined ? {} : { transfer }) };
  } finally {
    port.observeTraffic(undefined);
    watched.releaseAll();
  }
}

/** The port, which tells of its memory. No invariant is looked for: the programs were judged before. */
function watchedPort(port: DriverPort, recorder: TrafficRecorder): DriverPort {
  return spied(port, {
    oracle: spied(port.oracle, { begin: () => port.oracle.begin(false) }),
    createGuest: (layout) => {
      const guest = port.createGuest(layout);
      recorder.made(guest);
      return guest;
    },
    releaseAll: () => {
      // Sessions end first, then their memory goes.
      recorder.store();
      const count = port.releaseAll();
      recorder.forgetMemory();
      return count;
    },
  });
}

function recordedTransfer(port: DriverPort, recorder: TrafficRecorder): Transfer {
  recorder.forgetKick();
  control(port);
  const used = recorder.lastKick;
  return { steps: recorder.takeSteps(), ...(used === undefined ? {} : { used }) };
}

/** Records what calls do that is seen neither on a connection nor by comparing memory. */
class CallRecorder {
  readonly #recorder: TrafficRecorder;
  readonly #executor: Executor;
  readonly #calls: readonly Call[];

  constructor(recorder: TrafficRecorder, executor: Executor, calls: readonly Call[]) {
    this.#recorder = recorder;
    this.#executor = executor;
    this.#calls = calls;
  }

  run(): void {
    this.#say(0);
    this.#executor.run({ calls: this.#calls }, (place) => {
      const call = this.#calls[place];
      if (call !== undefined) this.#after(call, place);
      this.#say(place + 1);
    });
  }

  #say(place: number): void {
    const call = this.#calls[place];
    if (call !== undefined) this.#recorder.note(printCall(call));
  }

  #after(call: Call, place: number): void {
    const { made, outcomes } = this.#executor;
    const outcome = outcomes.classOf(place);
    if (outcome === 'died' || outcome === 'closed') this.#recorder.add({ kind: 'pause', ms: endsWithinMs });
    switch (call.kind) {
      case 'chain':
        this.#leaveBuffers(call, made);
        return;
      case 'wait':
        this.#awaited(call, place, made, outcomes);
        return;
      case 'ring-write': {
        const area = made.rings.get(call.ring)?.ring.areas[call.area];
        if (area !== undefined) this.#stored(area.region, area.offset, area.length, call.offset, call.bytes);
        return;
      }
      case 'memory-write': {
        const region = made.region(call.memory, call.region);
        if (region !== undefined) this.#stored(region, 0, region.size, call.offset, call.bytes);
        return;
      }
      case 'signal': {
        const events = made.events.get(call.event) ?? [];
        const thing = this.#recorder.thingOf(events[call.number % Math.max(events.length, 1)] ?? -1);
        if (thing !== undefined) this.#recorder.add({ kind: 'signal', thing, value: call.value });
        return;
      }
      case 'kick': {
        // Of a message that came later: the driver does not tell of it.
        const thing = this.#recorder.thingOf(made.queues.get(call.queue)?.lateKick ?? -1);
        if (outcome !== 'sent' || thing === undefined) return;
        this.#recorder.store();
        this.#recorder.add({ kind: 'signal', thing, value: 1n });
        return;
      }
      case 'record': {
        const file = this.#recorder.thingOf(made.buffers.get(call.event) ?? -1);
        const left = made.records.get(call.id);
        if (file !== undefined && left !== undefined)
          this.#recorder.add({ kind: 'store', file, offset: 0, bytes: left.bytes });
        return;
      }
      case 'change':
        this.#changing(call, made);
        return;
      case 'settle':
        this.#recorder.add({ kind: 'settle', number: call.change });
        return;
      default:
        return;
    }
  }

  /** What the device writes to the buffers of a chain is not ours. */
  #leaveBuffers(call: CallOf<'chain'>, made: MadeThings): void {
    this.#recorder.store();
    const { shadow } = this.#recorder;
    for (const [at, segment] of (made.chains.get(call.id) ?? []).entries()) {
      if (!segment.writable || call.segments[at]?.at !== undefined) continue;
      const extent = shadow.extentAt(segment.userAddress, segment.length);
      if (extent !== undefined) shadow.leave(extent);
    }
  }

  #awaited(call: CallOf<'wait'>, place: number, made: MadeThings, outcomes: Outcomes): void {
    const recorder = this.#recorder;
    const outcome = outcomes.classOf(place);
    if (outcome === 'silent') recorder.add({ kind: 'pause', ms: pauseMs });
    const ring = made.queues.get(call.queue)?.queue;
    if (outcome !== 'answered' || ring === undefined || outcomes.usedCountOf(place) === 0) return;
    const { areas } = ring.ring;
    const isPacked = 'usedSlot' in ring.driver;
    const { region, offset } = isPacked ? areas.descriptor : areas.device;
    const slot = 'usedSlot' in ring.driver ? Number(ring.driver.usedSlot) : 0;
    const at = offset + (isPacked ? slot * descriptorSize + usedFlagsOffset : usedIdxOffset);
    const file = recorder.shadow.placeOf(region, at);
    if (file !== undefined)
      recorder.add({ kind: 'await', ...file, value: u16At(region.bytes, at), isIndex: !isPacked });
  }

  /** Stored where the device may write as well: no comparison tells it. */
  #stored(
    region: Parameters<TrafficRecorder['shadow']['placeOf']>[0],
    offset: number,
    room: number,
    at: number,
    bytes: Uint8Array,
  ): void {
    const start = at % Math.max(room, 1);
    const stored = bytes.subarray(0, room - start);
    const place = this.#recorder.shadow.placeOf(region, offset + start);
    if (place === undefined || stored.length === 0) return;
    this.#recorder.add({ kind: 'store', ...place, bytes: stored.slice() });
    this.#recorder.shadow.learn({ region, offset: offset + start, length: stored.length });
  }

  #changing({ id, at, patterns, periodNs }: CallOf<'change'>, made: MadeThings): void {
    const found = at === undefined || !made.changes.has(id) ? undefined : made.placeOf(at);
    if (found === undefined) return;
    const place = this.#recorder.shadow.placeOf(found.region, found.offset);
    const bytes = patterns.map((pattern) => pattern.bytes);
    const length = bytes[0]?.length ?? 0;
    if (place === undefined) return;
    this.#recorder.add({ kind: 'change', number: id, ...place, patterns: bytes, periodNs });
    this.#recorder.shadow.leave({ ...found, length });
  }
}
