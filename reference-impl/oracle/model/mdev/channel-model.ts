import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { errno } from '../../../wire/errno.ts';
import { MDEV_HEADER_SIZE, mdevHeader } from '../../../wire/mdev-messages.ts';
import { decodeStructure } from '../../../wire/structure.ts';
import type { CallCheck } from './call-check.ts';
import type { MdevFacts } from './mdev-shape.ts';
import type { Answer, RequestModel } from './request-model.ts';

/** An answer that waits, and the requirement by which it still does. */
interface Waiting {
  readonly request: bigint;
  readonly answer: Answer;
  keptBy: RequirementSlug;
}

const answerBytes = 24;
const mostPayload = 4080;

/** The region of messages: what a write may come to, and which answer waits. */
export class ChannelModel {
  readonly #facts: MdevFacts;
  readonly #check: CallCheck;
  readonly #requests: RequestModel;
  #waiting: Waiting | undefined;
  /** Why none waits. */
  #noneBy: RequirementSlug = 'vm-life/opened-device-is-as-made';

  constructor(facts: MdevFacts, check: CallCheck, requests: RequestModel) {
    this.#facts = facts;
    this.#check = check;
    this.#requests = requests;
  }

  forget(): void {
    this.#none('vm-life/reset-forgets-answer');
  }

  keptThrough(requirement: RequirementSlug): void {
    if (this.#waiting !== undefined) this.#waiting.keptBy = requirement;
  }

  write(offset: number, bytes: Uint8Array, length: number, result: number): void {
    const check = this.#check;
    const what = `a message of ${length} bytes at ${offset}`;
    const header = decodeStructure(mdevHeader, bytes);
    const form = this.#formProblem(offset, length, header?.size ?? 0);
    if (form !== undefined) {
      check.expect(what, result, { allowed: -errno.EINVAL, requirement: form });
      this.keptThrough('vm-channel/refused-message-keeps-answer');
      return;
    }
    if (header === undefined) return;
    if (bytes.length < length || header.size > mostPayload) {
      check.isLost = true;
      return;
    }
    const payload = new Uint8Array(Math.max(header.size, 64));
    payload.set(bytes.subarray(MDEV_HEADER_SIZE));
    const outcome = this.#requests.outcomeOf(header.request, new DataView(payload.buffer), header.size);
    const { allowed, requirement } = outcome;
    const name = `request 0x${header.request.toString(16)} with ${header.size} bytes`;
    const rule =
      allowed === 0 ? { allowed: length, requirement: takenBy(requirement, result) } : { allowed, requirement };
    if (!check.expect(name, result, rule)) return;
    if (result < 0) {
      this.keptThrough('vm-channel/refused-message-keeps-answer');
      if (this.#waiting === undefined && outcome.answer === undefined) this.#none(refusedBy(requirement));
      return;
    }
    // What was taken whole was taken by its own requirement as well.
    if (allowed === 0) check.holds(true, requirement, name, 'taken', 'taken');
    outcome.apply?.();
    if (outcome.answer === undefined) {
      this.keptThrough('vm-channel/other-messages-keep-answer');
      if (this.#waiting === undefined) this.#none('vm-channel/no-answer-to-set-requests');
      return;
    }
    const keptBy =
      this.#waiting === undefined ? 'vm-channel/answer-without-need-reply' : 'vm-channel/newer-answer-replaces-older';
    this.#waiting = { request: header.request, answer: outcome.answer, keptBy };
  }

  read(offset: number, length: number, bytes: Uint8Array, result: number): void {
    const check = this.#check;
    const what = `a read of ${length} bytes at ${offset}`;
    if (offset !== 0) {
      check.expect(what, result, { allowed: -errno.EINVAL, requirement: 'vm-channel/read-elsewhere-refused' });
      this.keptThrough('vm-channel/read-elsewhere-keeps-answer');
      return;
    }
    const waiting = this.#waiting;
    if (waiting === undefined) {
      check.expect(what, result, { allowed: 0, requirement: this.#noneBy });
      return;
    }
    if (length !== answerBytes) {
      check.expect(what, result, { allowed: -errno.EINVAL, requirement: 'vm-channel/read-of-other-length-refused' });
      this.keptThrough('vm-channel/read-of-other-length-keeps-answer');
      return;
    }
    this.#none('vm-channel/answer-is-read-once');
    if (check.expect(what, result, { allowed: answerBytes, requirement: waiting.keptBy }))
      this.#answered(waiting, bytes);
  }

  #answered({ request, answer }: Waiting, bytes: Uint8Array): void {
    const check = this.#check;
    const header = decodeStructure(mdevHeader, bytes);
    if (header === undefined) return;
    const what = `of the answer to request 0x${request.toString(16)}`;
    check.equal('vm-channel/answer-repeats-request', `the request ${what}`, header.request, request);
    check.equal('vm-channel/answer-has-no-flags', `the flags ${what}`, header.flags, 0);
    check.equal('vm-channel/answer-tells-its-size', `the size ${what}`, header.size, answer.payload.length);
    const actual = bytes.subarray(MDEV_HEADER_SIZE);
    const known = answer.isOpen ? answer.payload.length - 4 : answer.payload.length;
    for (let at = 0; at < known; at++) {
      if (actual[at] === answer.payload[at]) continue;
      const isIndex = answer.learn !== undefined && at < 4;
      const requirement = isIndex ? 'vm-channel/base-answer-has-index' : answer.requirement;
      check.fail(requirement, `byte ${at} ${what}`, String(answer.payload[at]), String(actual[at]));
      return;
    }
    if (answer.learn !== undefined)
      check.holds(true, 'vm-channel/base-answer-has-index', what, 'its index', 'its index');
    if (known > 0) check.holds(true, answer.requirement, `the payload ${what}`, 'as told', 'as told');
    answer.learn?.(new DataView(actual.buffer, actual.byteOffset, actual.byteLength));
  }

  /** The requirement by which a message is refused for its place or its length. */
  #formProblem(offset: number, length: number, size: number): RequirementSlug | undefined {
    const { largestPayload } = this.#facts.shape;
    if (offset !== 0) return length < MDEV_HEADER_SIZE ? undefined : 'vm-channel/write-elsewhere-refused';
    if (length < MDEV_HEADER_SIZE) return 'vm-channel/part-of-header-refused';
    if (size >= 0x8000_0000) return 'vm-channel/huge-size-survived';
    if (MDEV_HEADER_SIZE + size < length) return 'vm-channel/longer-than-told-refused';
    if (MDEV_HEADER_SIZE + size > length) return 'vm-channel/shorter-than-told-refused';
    return largestPayload !== undefined && size > largestPayload
      ? 'vm-channel/l2-payload-beyond-1024-refused'
      : undefined;
  }

  #none(requirement: RequirementSlug): void {
    this.#waiting = undefined;
    this.#noneBy = requirement;
  }
}

/** A message that was taken in part breaks another rule than one that was refused. */
const takenBy = (requirement: RequirementSlug, result: number): RequirementSlug =>
  result >= 0 ? 'vm-channel/message-is-taken-whole' : requirement;

function refusedBy(requirement: RequirementSlug): RequirementSlug {
  return requirement === 'vm-channel/unknown-request-refused'
    ? 'vm-channel/unknown-request-has-no-answer'
    : 'vm-channel/refused-request-has-no-answer';
}
