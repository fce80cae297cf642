import type { GuestRing, RingPosition } from '../../drivers/port/port.ts';
import { hasFeature, type RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import type { LogModel } from '../../reference-impl/oracle/model/log-model.ts';
import type { Model } from '../../reference-impl/oracle/model/model.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { CallOf } from '../program/program.ts';
import { fieldOf } from '../program/told-message.ts';
import type { JudgedRun } from './judged-run.ts';

interface JudgedLog {
  readonly model: LogModel;
  readonly file: number;
  /** Where it begins in its file. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Feeds the model of a log with what was written to buffers, and with what the log holds then. Of a session of which nothing
 * is claimed no log is judged, not even one that it is given later: what it carries out may be marked at any time.
 */
export class LogJudge {
  readonly #run: JudgedRun;
  readonly #model: Model;
  /** By session. */
  readonly #logs = new Map<number, JudgedLog>();
  /** By session: what its log holds while nothing is logged. */
  readonly #still = new Map<number, { readonly before: Uint8Array; readonly requirement: RequirementSlug }>();

  constructor(run: JudgedRun, model: Model) {
    this.#run = run;
    this.#model = model;
  }

  /** SET_LOG_BASE was taken: rings that start from now on are logged there. */
  told(call: CallOf<'message'>): void {
    const [file] = this.#run.made.files.get(call.id) ?? [];
    const bytes = Number(fieldOf(call, 'logSize') ?? 0n);
    const offset = Number(fieldOf(call, 'logOffset') ?? 0n);
    if (file === undefined || file < 0) return;
    this.#logs.set(call.session, { model: this.#model.logOf(bytes), file, offset, bytes });
  }

  /** The log of a ring that is about to start, where its session has one. */
  logOf(session: number): JudgedLog | undefined {
    const { known, made } = this.#run;
    const accepted = made.sessions.get(session)?.negotiated.accepted;
    const isLogged = accepted !== undefined && hasFeature(accepted, 'VHOST_F_LOG_ALL', known);
    return isLogged ? this.#knownLogOf(session) : undefined;
  }

  forget(session: number): void {
    this.#logs.delete(session);
    this.#still.delete(session);
  }

  /** Nothing is logged from now on, by this requirement. */
  rests(session: number, requirement: RequirementSlug): void {
    const log = this.#knownLogOf(session);
    if (log === undefined) return;
    const before = this.#run.port.descriptors.load(log.file, log.offset, log.bytes);
    this.#still.set(session, { before, requirement });
  }

  /** What is written may be logged again. */
  goesOn(session: number): void {
    this.#still.delete(session);
  }

  /** Behind a fence. */
  lookAtRest(session: number): void {
    const [log, still] = [this.#knownLogOf(session), this.#still.get(session)];
    if (log === undefined || still === undefined) return;
    const now = this.#run.port.descriptors.load(log.file, log.offset, log.bytes);
    if (!log.model.rests(still.before, now, still.requirement)) this.#still.delete(session);
  }

  /** The device wrote so many bytes to the writable part of a chain. */
  wrote({ model }: JudgedLog, segments: readonly Segment[], length: number): void {
    let left = length;
    for (const segment of segments) {
      if (!segment.writable) continue;
      model.wrote(segment.guestAddress, Math.min(left, segment.length));
      left -= Math.min(left, segment.length);
    }
  }

  /** The device wrote the used element of this number, counted from where the life of its ring began, and the idx. */
  used({ model }: JudgedLog, log: bigint, { size }: GuestRing, began: RingPosition, number: number): void {
    // The used ring of a packed one is its descriptor ring: texts do not say which address its marks have.
    if (began.layout !== 'split') return;
    const slot = (began.used + number) % size;
    model.wroteUsedRing(log + usedIdxAt, usedIdxBytes);
    model.wroteUsedRing(log + usedElementsAt + BigInt(slot * usedElementBytes), usedElementBytes);
  }

  #knownLogOf(session: number): JudgedLog | undefined {
    return this.#model.isSessionLost(session) ? undefined : this.#logs.get(session);
  }

  /** False where a mark is missing. */
  check({ model, file, offset, bytes }: JudgedLog): boolean {
    return model.check(this.#run.port.descriptors.load(file, offset, bytes));
  }
}

/** Virtio 2.7.8. */
const usedIdxAt = 2n;
const usedIdxBytes = 2;
const usedElementsAt = 4n;
const usedElementBytes = 8;

export type { JudgedLog };
