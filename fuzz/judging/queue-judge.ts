import type { Queue, Session, VhostMdevSession, VhostVdpaSession } from '../../drivers/port/port.ts';
import { hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import { blockConfig } from '../../reference-impl/devices/block-layout.ts';
import { vsockQueues } from '../../reference-impl/devices/vsock-layout.ts';
import type { Model } from '../../reference-impl/oracle/model/model.ts';
import { hasPairs, isControlQueue } from '../../reference-impl/oracle/model/net-queues.ts';
import { isEmptyAt } from '../../reference-impl/virtqueue/ring.ts';
import type { OutcomeClass } from '../executor/outcomes.ts';
import type { Call, CallOf } from '../program/program.ts';
import { withinRegion } from '../program/region-offset.ts';
import { CallsJudge } from './calls-judge.ts';
import { bytesOfChain, roomOfChain } from './chain-bytes.ts';
import type { InflightJudge } from './inflight-judge.ts';
import { type IotlbJudge, isForbidden } from './iotlb-judge.ts';
import type { JudgedChain, JudgedQueue } from './judged-queue.ts';
import type { JudgedRun } from './judged-run.ts';
import type { LogJudge } from './log-judge.ts';
import { RestJudge } from './rest-judge.ts';
import { asksOtherwise, isFresh, marksWritten, suppressionOf, usedEventOf } from './ring-look.ts';

/** Feeds the model with what came of the calls of rings. */
export class QueueJudge {
  readonly #run: JudgedRun;
  readonly #model: Model;
  readonly #logs: LogJudge;
  readonly #inflight: InflightJudge;
  readonly #iotlb: IotlbJudge;
  /** By ring: no flags of a device about kicks stood there when it was placed. */
  readonly #cleanRings = new Set<number>();
  readonly #deadlineMs: number;
  readonly #queues = new Map<number, JudgedQueue>();
  readonly calls: CallsJudge;
  /** What keeps rings that run from being served. */
  readonly rests: RestJudge;
  /** Queues that the device need not serve. */
  readonly #idle = new Map<number, { readonly session: number; isStopped: boolean }>();

  constructor(run: JudgedRun, model: Model, logs: LogJudge, inflight: InflightJudge, iotlb: IotlbJudge) {
    this.#iotlb = iotlb;
    this.#logs = logs;
    this.#inflight = inflight;
    this.#run = run;
    this.#model = model;
    this.calls = new CallsJudge(run, model, this.#queues);
    this.rests = new RestJudge(run, model, this.#queues);
    this.#deadlineMs = run.port.deadlineMs;
  }

  /** 0 of a queue that was not attached. */
  sessionOf(queue: number): number {
    return this.#queues.get(queue)?.session ?? 0;
  }

  indexOf(queue: number): number | undefined {
    return this.#queues.get(queue)?.index;
  }

  ringOf(queue: number): number | undefined {
    return this.#queues.get(queue)?.ring;
  }

  /** What a session does to its logs is not known any more. */
  loseLogs(session: number): void {
    this.#logs.forget(session);
    for (const queue of this.#queues.values()) if (queue.session === session) queue.log = undefined;
  }

  /** A session that runs was given another log, or its features say otherwise whether it logs. */
  loggingChanged(session: number): void {
    const log = this.#logs.logOf(session);
    let isQuiet = true;
    for (const [id, queue] of this.#queues) {
      if (queue.session !== session) continue;
      queue.log = log;
      queue.unlogged = queue.added;
      queue.usedRingLog = undefined;
      if ((this.#run.made.queues.get(id)?.queue.driver.outstanding ?? 0) > 0) isQuiet = false;
    }
    if (log !== undefined) this.#logs.goesOn(session);
    else if (isQuiet && this.#run.target.judgesChoices === true) {
      this.#logs.rests(session, 'vu-log/logging-switched-while-running');
    }
  }

  /** Behind a fence on a session. */
  lookAtLog(session: number): void {
    this.#logs.lookAtRest(session);
  }

  /** A ring was placed, in memory that no device uses as one yet. */
  placed({ id }: CallOf<'ring'>): void {
    const ring = this.#run.made.rings.get(id)?.ring;
    if (ring !== undefined && suppressionOf(ring) === 0) this.#cleanRings.add(id);
  }

  /** Used elements of the ring at an index are logged from now on, at the address that was told. */
  usedRingLogged(session: number, index: number, log: bigint | undefined): void {
    for (const [id, queue] of this.#queues) {
      if (queue.session !== session || queue.index !== index) continue;
      const from = this.#run.made.queues.get(id)?.queue.usedCount() ?? Number.POSITIVE_INFINITY;
      queue.usedRingLog = log === undefined ? undefined : { address: log, from };
    }
  }

  /** The ring was set up. False where the device may have no such queue. */
  attached({ id, session, ring: ringId, index, call, order, enable }: CallOf<'attach'>): boolean {
    const { known, made } = this.#run;
    const attached = made.queues.get(id);
    if (attached === undefined) return false;
    // A queue that the device has, and need not serve, is not judged while nothing is put on it.
    if (!this.#isServed(session, index)) {
      this.#idle.set(id, { session, isStopped: false });
      return known.transport === 'vhost-user' && index < (known.queues ?? 0);
    }
    const { queue } = attached;
    const { ring } = queue;
    // The driver's side begins where the device does.
    const { position } = queue.driver;
    this.#queues.set(id, {
      session,
      ring: ringId,
      index,
      began: position,
      chains: new Map(),
      usedSlot: position.used,
      isKicked: false,
      isIdle: false,
      tookOver: undefined,
      isStopped: false,
      hasCleanFlags: this.#cleanRings.has(ringId),
      log: this.#logs.logOf(session),
      unlogged: 0,
      added: 0,
      usedRingLog: undefined,
      inflight: this.#inflight.fileOf(session, index),
      lastId: 0,
      taken: 0,
      callDescriptor: undefined,
      callsElsewhere: 0,
    });
    const { layout, size } = ring;
    this.#model.observe({
      kind: 'attached',
      session,
      queue: id,
      index,
      lacksMessages: known.transport === 'vhost-user' && (order === 'without-call' || order === 'without-error'),
      ring: {
        id: ringId,
        layout,
        size,
        position,
        isEmpty: isEmptyAt(position),
        isFresh: isFresh(ring, position),
        usedEvent: usedEventOf(ring),
      },
    });
    if (asksOtherwise(ring)) this.#model.observe({ kind: 'lost', what: 'calls', id });
    const isHeard = call && (order !== 'without-call' || known.transport !== 'vhost-user');
    if (!isHeard) this.#model.observe({ kind: 'calls-moved', queue: id, calls: 0, used: 0, isHeard: false });
    this.rests.attached(id, session, index, enable, order !== 'without-kick');
    return true;
  }

  /** Whether the device is known to serve a queue of this index, with the features that were accepted. */
  #isServed(sessionId: number, index: number): boolean {
    const { known, port, target } = this.#run;
    const { queueIndex, companions } = port.facts.workload;
    if (index === queueIndex || companions.includes(index)) return true;
    if (this.#isForCommands(sessionId, index)) return true;
    if (known.device === 'vsock' && index === vsockQueues.event) return true;
    const session = this.#run.made.sessions.get(sessionId);
    if (session !== undefined && hasPairs(session.negotiated.accepted.device) && index < 2 * (target.pairs ?? 0))
      return true;
    const hasMore = session !== undefined && hasFeature(session.negotiated.accepted, 'VIRTIO_BLK_F_MQ', known);
    return hasMore && index < Math.min(known.queues ?? 0, queuesOfDisk(target.configuration));
  }

  /** Back-ends of vhost-user leave the queue for commands to their front-end. */
  #isForCommands(sessionId: number, index: number): boolean {
    const { known, made, target } = this.#run;
    const accepted = made.sessions.get(sessionId)?.negotiated.accepted;
    const isOfNet = known.transport === 'vhost-vdpa' && known.device === 'net';
    return isOfNet && accepted !== undefined && isControlQueue(index, accepted.device, target.pairs);
  }

  added(call: CallOf<'chain'>, place: number): void {
    const { id: callId, queue: queueId, held, direct, segments: told } = call;
    const queue = this.#queues.get(queueId);
    const segments = this.#run.made.chains.get(callId);
    const attached = this.#run.made.queues.get(queueId);
    const value = this.#run.outcomes.valueOf(place);
    const idle = this.#idle.get(queueId);
    if (idle !== undefined) {
      this.loseLogs(idle.session);
      this.#model.observe({ kind: 'lost', what: 'session', id: idle.session });
    }
    if (queue === undefined || attached === undefined || segments === undefined || value === undefined) return;
    const id = Number(value);
    const slots = attached.queue.ring.layout === 'split' || direct !== undefined ? 1 : segments.length;
    queue.chains.set(id, { segments, number: queue.added++, slots });
    if (queue.isIdle && !held && attached.queue.driver.outstanding === 1) this.rests.idles(queueId);
    const isFilledInPart = this.#run.known.device === 'entropy';
    const isOfFrames = this.#run.known.device === 'net' && !this.#isForCommands(queue.session, queue.index);
    const isReceiving = isOfFrames && queue.index % 2 === 0;
    const isMet = !isReceiving && !this.#model.isRingLost(queueId);
    this.#model.observe({
      kind: 'added',
      queue: queueId,
      id,
      slots,
      readable: bytesOfChain(attached.made.guest, segments, false),
      room: roomOfChain(segments, true),
      ...(told.some(isForbidden) ? { isForbidden: true } : {}),
      ...(isFilledInPart ? { before: bytesOfChain(attached.made.guest, segments, true) } : {}),
    });
    this.#iotlb.added(queue.session, queueId, call, segments, attached.made.guest, isMet);
    if (held) return;
    queue.isKicked = false;
    this.#model.observe({ kind: 'published', queue: queueId });
  }

  kicked({ queue: queueId }: CallOf<'kick'>): void {
    const queue = this.#queues.get(queueId);
    if (queue === undefined) return;
    queue.isKicked = true;
    this.#model.observe({ kind: 'kicked', queue: queueId });
  }

  /** Whatever a call does, a device may have something to do behind it. */
  begins(call: Call): void {
    this.rests.begins(call);
    if (call.kind !== 'chain') for (const queue of this.#queues.values()) queue.isIdle = false;
  }

  /** A back-end that died left its record of the ring. */
  recorded({ id, queue: queueId }: CallOf<'record'>): void {
    const queue = this.#queues.get(queueId);
    const left = this.#run.made.records.get(id);
    if (queue === undefined || left === undefined) return;
    queue.tookOver = { counter: left.highest, added: queue.added };
    if (this.#run.target.judgesChoices === true) this.#model.observe({ kind: 'left', queue: queueId, ids: left.ids });
  }

  /** Where memory changes, a ring may be taken up anew: its counters begin again, and what it called for is not known. */
  memoryChanged(session: number): void {
    this.#iotlb.memoryTold((queue) => this.sessionOf(queue) === session);
    for (const queue of this.#queues.values()) {
      if (queue.session !== session) continue;
      queue.tookOver = undefined;
      this.calls.mayCallOnceMore(session, queue.index);
    }
  }

  /** A number was stored into a page of a region: that of its own queue notifies it. */
  stored({ session, region, offset, store }: CallOf<'region-map'>): void {
    const opened = this.#run.made.sessions.get(session);
    if (opened === undefined || !isMdev(opened) || region !== opened.places.doorbells) return;
    for (const [id, queue] of this.#queues) {
      const isOwn = store === queue.index && withinRegion(offset) === queue.index * mdevPage;
      if (queue.session !== session || !isOwn) continue;
      queue.isKicked = true;
      this.#model.observe({ kind: 'kicked', queue: id });
    }
  }

  waited({ queue: queueId, count }: CallOf<'wait'>, place: number, outcome: OutcomeClass): void {
    const queue = this.#queues.get(queueId);
    const attached = this.#run.made.queues.get(queueId);
    if (queue === undefined || attached === undefined) return;
    const taken = this.#run.outcomes.usedOf(place);
    this.#iotlb.looked(queue.session, queueId, queue.isKicked && !queue.isStopped);
    // What stood there before is none of the device's.
    const { ring } = attached.queue;
    const suppression = queue.hasCleanFlags ? suppressionOf(ring) : 0;
    this.#model.observe({ kind: 'looked', queue: queueId, used: attached.queue.usedCount(), suppression });
    for (const { id, len } of taken) {
      const { segments, number, slots } = queue.chains.get(id) ?? noChain;
      const written = bytesOfChain(attached.made.guest, segments, true);
      const isMarked = marksWritten(ring, queue.usedSlot, id);
      queue.usedSlot = (queue.usedSlot + slots) % ring.size;
      this.#model.observe({ kind: 'used', queue: queueId, id, len, written, isMarked });
      const isLogged = number >= queue.unlogged;
      if (queue.log !== undefined && isLogged) this.#logs.wrote(queue.log, segments, len);
      if (queue.log !== undefined && queue.usedRingLog !== undefined && queue.taken >= queue.usedRingLog.from) {
        this.#logs.used(queue.log, queue.usedRingLog.address, ring, queue.began, queue.taken);
      }
      queue.taken++;
      queue.lastId = id;
    }
    if (queue.log !== undefined && taken.length > 0 && !this.#logs.check(queue.log)) queue.log = undefined;
    this.calls.lookAt(queueId, attached.queue);
    queue.isIdle = outcome === 'silent' && attached.queue.driver.outstanding === 0;
    const missing = count - taken.length;
    if (outcome !== 'silent' || !queue.isKicked || this.#model.owed(queueId) < missing) return;
    if (!this.#isDriverSetUp(queue.session) || !this.#servesLateRings(queue.session)) return;
    // The executor waits a part of the deadline only.
    const { driver } = attached.queue;
    const waited = this.#run.port.until(() => driver.usedCount() >= missing, this.#deadlineMs);
    if (waited !== 'deadline') return;
    const hasNoOneToAsk = this.#iotlb.hasNoOneToAsk(queue.session);
    this.#model.observe({ kind: 'unserved', queue: queueId, count: missing, hasNoOneToAsk });
  }

  /** A driver sets up all queues that the device type needs (of net: virtio 5.1.5) before it expects any to be served. */
  #isDriverSetUp(session: number): boolean {
    const { queueIndex, companions } = this.#run.port.facts.workload;
    const ofSession = [...this.#queues.values()].filter((queue) => queue.session === session);
    return [queueIndex, ...companions].every((needed) => ofSession.some(({ index }) => index === needed));
  }

  /** Without the backend feature, a vhost-vdpa device need not serve a ring that is enabled while it runs. */
  #servesLateRings(id: number): boolean {
    const session = this.#run.made.sessions.get(id);
    const isVdpa = session !== undefined && 'backendFeatures' in session;
    return !isVdpa || ((session as VhostVdpaSession).backendFeatures & enableAfterDriverOk) !== 0n;
  }

  /** The ring said where it goes on. */
  stopped({ queue: queueId }: CallOf<'stop'>): void {
    const attached = this.#run.made.queues.get(queueId);
    const position = attached?.made.goesOnAt;
    if (attached === undefined || position === undefined) return;
    this.#model.observe({ kind: 'stopped', queue: queueId, position, used: attached.queue.usedCount() });
    this.#logRests(queueId);
    this.#checkInflight(queueId, attached.queue);
    this.calls.lookAt(queueId, attached.queue);
  }

  /** With its last ring, a session stops to log. While another one runs, any page may be marked. */
  #logRests(queueId: number): void {
    const stopped = this.#queues.get(queueId) ?? this.#idle.get(queueId);
    if (stopped === undefined) return;
    stopped.isStopped = true;
    const ofSession = [...this.#queues, ...this.#idle].filter(([, { session }]) => session === stopped.session);
    const isQuiet = ofSession.every(([id, { isStopped }]) => {
      const outstanding = this.#run.made.queues.get(id)?.queue.driver.outstanding ?? 0;
      return isStopped && outstanding === 0;
    });
    if (isQuiet) this.#logs.rests(stopped.session, 'vu-log/no-marks-after-rings-stopped');
  }

  /** Behind a stop with nothing in flight. */
  #checkInflight(queueId: number, { driver, ring }: Queue): void {
    const queue = this.#queues.get(queueId);
    if (queue?.inflight === undefined || driver.outstanding > 0 || this.#model.isRingLost(queueId)) return;
    const { layout, size } = ring;
    const { position } = driver;
    const isSplit = position.layout === 'split';
    const { tookOver } = queue;
    const above = tookOver !== undefined && queue.added > tookOver.added ? { above: tookOver.counter } : {};
    const rest = { layout, size, used: queue.taken, lastId: queue.lastId, ...above };
    const usedIdx = position.used;
    const isRight = this.#inflight.check(queue.inflight, {
      ...rest,
      usedIdx,
      usedWrap: isSplit ? 0 : position.usedWrap,
    });
    if (!isRight) queue.inflight = undefined;
  }
}

/** Of an id that no chain has. */
const noChain: JudgedChain = { segments: [], number: 0, slots: 1 };
const enableAfterDriverOk = 1n << 6n;
/** A page of doorbells. */
const mdevPage = 4096;
const isMdev = (session: Session): session is VhostMdevSession => 'vfio' in session;

/** As the configuration space of a block device says; 0 where it was not read. */
function queuesOfDisk(configuration: Uint8Array | undefined): number {
  const at = blockConfig.numQueues;
  const [low = 0, high = 0] = configuration?.subarray(at, at + 2) ?? [];
  return low | (high << 8);
}
