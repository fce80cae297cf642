import { hasFeature, type RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';
import type { Guest } from '../../reference-impl/memory/guest.ts';
import type { Model } from '../../reference-impl/oracle/model/model.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { vhostIotlbPermissions, vhostIotlbType } from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { isVhostUser } from '../executor/doors.ts';
import type { CallOf } from '../program/program.ts';
import { bytesOfChain } from './chain-bytes.ts';
import type { JudgedRun } from './judged-run.ts';

type ToldSegment = CallOf<'chain'>['segments'][number];

/** Whether the translation of a buffer does not permit what the chain wants. */
export const isForbidden = ({ access, writable }: ToldSegment): boolean =>
  access === 'none' || access === 'dropped' || access === (writable ? 'read' : 'write');

/** Buffers of a session that a device may only write to, in the memory that holds them. */
interface Writable {
  readonly guest: Guest;
  segments: Segment[];
}

/** A buffer that the device may not reach, for want of a translation that it could be given. */
interface Guarded {
  readonly guest: Guest;
  readonly segment: Segment;
  readonly before: Uint8Array;
  readonly isDropped: boolean;
  /** Whether the device has to come to it; it did not, where a chain ahead broke the ring. */
  readonly isMet: boolean;
  isPublished: boolean;
}

/** A request of the back-end about translations. */
interface Report {
  readonly type: number;
  readonly ioVirtualAddress: bigint;
  readonly permission: number;
}

/** Looks at what a back-end with I/O-virtual addresses does to buffers without a translation, and at what it asks for. */
export class IotlbJudge {
  readonly #run: JudgedRun;
  readonly #model: Model;
  /** Sessions whose requests of the back-end are answered with a failure, or not at all. */
  readonly #refusing = new Set<number>();
  /** Sessions whose requests of the back-end are granted. */
  readonly #granting = new Set<number>();
  /** By queue. */
  readonly #guarded = new Map<number, Guarded[]>();
  /** By session: buffers that the device may only write to. */
  readonly #writable = new Map<number, Writable>();
  /** By session: requests of the back-end that were looked at. */
  readonly #seen = new Map<number, number>();

  constructor(run: JudgedRun, model: Model) {
    this.#run = run;
    this.#model = model;
  }

  /** What the back-end asks for is granted from now on, or not. */
  answers(session: number, isServed: boolean): void {
    const [now, before] = isServed ? [this.#granting, this.#refusing] : [this.#refusing, this.#granting];
    now.add(session);
    before.delete(session);
  }

  /** Whether a back-end of this session that lacks a translation has no one to ask for it. */
  hasNoOneToAsk(session: number): boolean {
    return this.#isTranslated(session) && !this.#granting.has(session);
  }

  #isTranslated(session: number): boolean {
    const { known, made } = this.#run;
    const accepted = made.sessions.get(session)?.negotiated.accepted;
    if (known.transport !== 'vhost-user' || accepted === undefined) return false;
    return hasFeature(accepted, 'VIRTIO_F_ACCESS_PLATFORM', known);
  }

  /** @param isMet whether the device comes to the chain once it is published and its ring runs. */
  added(
    session: number,
    queue: number,
    { segments: told, held }: CallOf<'chain'>,
    segments: readonly Segment[],
    guest: Guest,
    isMet: boolean,
  ): void {
    if (this.#isTranslated(session)) this.#keepWritable(session, segments, guest);
    if (!this.#refusing.has(session)) return;
    const guarded = this.#guarded.get(queue) ?? [];
    this.#guarded.set(queue, guarded);
    for (const [n, segment] of segments.entries()) {
      const asked = told[n];
      if (asked === undefined || !isForbidden(asked)) continue;
      const before = bytesOfChain(guest, [segment], segment.writable);
      guarded.push({ guest, segment, before, isDropped: asked.access === 'dropped', isMet, isPublished: false });
    }
    if (!held) for (const one of guarded) one.isPublished = true;
  }

  #keepWritable(session: number, segments: readonly Segment[], guest: Guest): void {
    const known = this.#writable.get(session);
    // In other memory, the same addresses are those of other buffers.
    const writable: Writable = known?.guest === guest ? known : { guest, segments: [] };
    this.#writable.set(session, writable);
    // Memory of a buffer that came back, or that the driver took for one, may be that of this one.
    writable.segments = writable.segments.filter((old) => !segments.some((segment) => overlaps(old, segment)));
    for (const segment of segments) if (segment.writable) writable.segments.push(segment);
  }

  /** Memory is told anew, and with it the translations of all of it. */
  memoryTold(ofSession: (queue: number) => boolean): void {
    for (const queue of [...this.#guarded.keys()]) if (ofSession(queue)) this.#guarded.delete(queue);
  }

  /** Behind a fence, or a wait for used elements. */
  looked(session: number, queue: number, isKicked: boolean): void {
    const reports = this.#reportsOf(session);
    if (reports === undefined) return;
    const from = this.#seen.get(session) ?? 0;
    this.#seen.set(session, reports.length);
    for (const report of reports.slice(from)) if (this.#asksForTooLittle(session, report)) return;
    const guarded = this.#guarded.get(queue) ?? [];
    for (const { guest, segment, before, isDropped } of guarded) {
      if (!segment.writable) continue;
      const now = bytesOfChain(guest, [segment], true);
      if (now.every((byte, at) => byte === before[at])) continue;
      this.#guarded.delete(queue);
      const requirement = isDropped ? 'vu-iotlb/invalidated-range-not-accessed' : 'vu-iotlb/permissions-enforced';
      this.#reached(queue, requirement, 'a buffer that no translation lets the device write to', 'other bytes');
      return;
    }
    // What a back-end of another process tells may come later.
    if (!isKicked || this.#run.target.judgesChoices !== true || !this.#model.runs(queue)) return;
    const first = guarded.find(({ isPublished }) => isPublished);
    if (first === undefined) return;
    this.#guarded.delete(queue);
    if (!first.isMet) return;
    const wanted = first.isDropped ? vhostIotlbType.VHOST_IOTLB_MISS : vhostIotlbType.VHOST_IOTLB_ACCESS_FAIL;
    const isTold = () => this.#reportsOf(session)?.some(({ type }) => type === wanted) === true;
    // A look that waits for nothing may come before the device does.
    if (this.#run.port.until(isTold, this.#run.port.deadlineMs) !== 'deadline') return;
    const requirement = first.isDropped
      ? 'vu-iotlb/missing-translation-reported'
      : 'vu-iotlb/forbidden-access-reported';
    this.#reached(queue, requirement, 'a report of a buffer that could not be reached', 'none');
  }

  /** A miss in a buffer that is only written to asks to write. */
  #asksForTooLittle(session: number, { type, ioVirtualAddress: at, permission }: Report): boolean {
    if (type !== vhostIotlbType.VHOST_IOTLB_MISS || (permission & vhostIotlbPermissions.writeOnly) !== 0) return false;
    const isWritten = (this.#writable.get(session)?.segments ?? []).some(
      ({ ioVirtualAddress: start, length }) => at >= start && at < start + BigInt(length),
    );
    const [queue] =
      [...this.#run.made.queues].find(([, made]) => made.session === this.#run.made.sessions.get(session)) ?? [];
    if (!isWritten || queue === undefined) return false;
    const what = 'what a miss in a buffer to write asks for';
    this.#reached(queue, 'vu-iotlb/missing-translation-reported', what, `permission ${permission}`);
    return true;
  }

  #reached(queue: number, requirement: RequirementSlug, what: string, actual: string): void {
    this.#model.observe({ kind: 'reached', queue, requirement, what, actual });
  }

  /** Undefined for a session without such a channel. */
  #reportsOf(id: number): readonly Report[] | undefined {
    const session = this.#run.made.sessions.get(id);
    if (session === undefined || !isVhostUser(session)) return undefined;
    return session.messages.backEndRequests.flatMap(({ request, payload }) => {
      if (request !== requestId.VHOST_USER_BACKEND_IOTLB_MSG || payload.length < typeAt + 1) return [];
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      return [
        {
          type: view.getUint8(typeAt),
          ioVirtualAddress: view.getBigUint64(0, true),
          permission: view.getUint8(typeAt - 1),
        },
      ];
    });
  }
}

const overlaps = (left: Segment, right: Segment): boolean =>
  left.ioVirtualAddress < right.ioVirtualAddress + BigInt(right.length) &&
  right.ioVirtualAddress < left.ioVirtualAddress + BigInt(left.length);

/** struct vhost_iotlb_msg: iova, size, uaddr, perm, type. */
const typeAt = 25;
