import type { ControlOutcome, Exchange, IutExit, NoAnswer, ReceivedMessage, Refused } from '../drivers/port/port.ts';
import { exitText, type Failure, refusalText } from '../judging/failure.ts';
import type { Refusal } from '../judging/refusal.ts';
import { nothingWithin } from '../judging/thrown-failure.ts';
import type { FeatureName } from '../reference-impl/catalogue/catalogue.ts';
import type { Guest } from '../reference-impl/memory/guest.ts';
import type { MemoryChange } from '../reference-impl/memory/snapshot.ts';
import type { EventLog } from '../reference-impl/observations/event-log.ts';
import type { FailureKind } from '../reference-impl/observations/failure-kind.ts';

const acceptance: Readonly<Record<Refused['by'], string>> = {
  acknowledgement: 'acknowledgement 0',
  errno: 'no error',
  status: 'a status without FAILED or DEVICE_NEEDS_RESET',
};

/** A word of the port: no IUT says it. */
const noneInTime: NoAnswer['kind'] = 'silent';
const noAnswers: readonly string[] = ['closed', 'silent', 'died'] satisfies NoAnswer['kind'][];

function isNoAnswer<A extends { readonly kind: string }>(answer: A | NoAnswer): answer is NoAnswer {
  return noAnswers.includes(answer.kind);
}

/** How it begins where what a case presupposes is not so. */
export const presupposedWrongly = 'presupposed, and not so: ';

/** Ends a case whose next steps make no sense after a failure that is already recorded. */
export class CaseEnded extends Error {}

/** Changes of memory that enter the log for one claim, and bytes that are kept of each. */
const mostChanges = 16;
const mostBytes = 64;
/** Changes that a finding names. */
const shownChanges = 4;

/**
 * The check of one requirement. Each method evaluates one claim, records it, and returns whether it held; it does not
 * throw for a claim that failed, except where the result is needed to go on (`reply`, `acknowledged`).
 */
export class Check {
  readonly requirement: string;
  readonly failures: Failure[] = [];
  readonly branches = new Set<string>();
  /** Bits that its failures are about, besides those that the requirement hangs on. */
  readonly about = new Set<FeatureName>();
  /**
   * What the case does from here on is not what its requirement is about: it is flawed, no longer sent, or a premise. That
   * the IUT crashes or hangs there is harm, and no violation of the text behind the requirement.
   */
  isBesideText = false;
  readonly #log: Pick<EventLog, 'next' | 'observe'>;
  #evaluated = 0;
  #inconclusive: string | undefined;
  #controls = 0;

  constructor(requirement: string, log: Pick<EventLog, 'next' | 'observe'>) {
    this.requirement = requirement;
    this.#log = log;
  }

  get evaluated(): number {
    return this.#evaluated;
  }

  /** Refusals that a control stands behind. */
  get controls(): number {
    return this.#controls;
  }

  get inconclusiveWhy(): string | undefined {
    return this.#inconclusive;
  }

  /** A claim in the writer's own terms; `expected` and `actual` are shown when it does not hold. */
  holds(condition: boolean, what: string, detail: { readonly expected: string; readonly actual: string }): boolean {
    this.#evaluated++;
    if (!condition) this.fail('wrong', what, detail.expected, detail.actual);
    return condition;
  }

  equal<T extends string | number | bigint | boolean | undefined>(actual: T, expected: T, what: string): boolean {
    return this.holds(actual === expected, what, { expected: shown(expected), actual: shown(actual) });
  }

  /** No byte of a guest's memory differs; runs of bytes that do enter the log, as they are now. */
  unchanged(guest: Guest, found: readonly MemoryChange[], what: string): boolean {
    for (const { region, offset, length } of found.slice(0, mostChanges)) {
      const end = offset + Math.min(length, mostBytes);
      const bytes = guest.regions[region]?.bytes.slice(offset, end) ?? new Uint8Array();
      this.#log.observe({ kind: 'memory-change', region, offset, length, bytes, note: what });
    }
    const shown = found
      .slice(0, shownChanges)
      .map(({ region, offset, length }) => `${length} bytes at ${offset} of region ${region}`);
    const rest = found.length > shown.length ? ', …' : '';
    return this.holds(found.length === 0, what, {
      expected: 'no byte differs',
      actual: `${found.length} runs of bytes differ: ${shown.join(', ')}${rest}`,
    });
  }

  notEqual<T extends string | number | bigint | boolean>(actual: T, unwanted: T, what: string): boolean {
    return this.holds(actual !== unwanted, what, { expected: `not ${shown(unwanted)}`, actual: shown(actual) });
  }

  atLeast(actual: number, least: number, what: string): boolean {
    return this.holds(actual >= least, what, { expected: `at least ${least}`, actual: shown(actual) });
  }

  atMost(actual: number, most: number, what: string): boolean {
    return this.holds(actual <= most, what, { expected: `at most ${most}`, actual: shown(actual) });
  }

  sameMembers(actual: readonly number[], expected: readonly number[], what: string): boolean {
    const sort = (list: readonly number[]): string => [...list].sort((a, b) => a - b).join(', ');
    return this.holds(sort(actual) === sort(expected), what, {
      expected: `in any order: ${sort(expected)}`,
      actual: actual.join(', '),
    });
  }

  sameSequence<T extends number | string>(actual: readonly T[], expected: readonly T[], what: string): boolean {
    return this.holds(actual.join() === expected.join(), what, {
      expected: expected.join(', ') || 'none',
      actual: actual.join(', ') || 'none',
    });
  }

  bytesEqual(actual: Uint8Array, expected: Uint8Array, what: string): boolean {
    const at = firstDifference(actual, expected);
    return this.holds(at === -1, what, {
      expected: `${expected.length} bytes${at >= 0 ? `, at ${at}: ${hexAround(expected, at)}` : ''}`,
      actual: `${actual.length} bytes${at >= 0 ? `, at ${at}: ${hexAround(actual, at)}` : ''}`,
    });
  }

  /** Where the text allows several outcomes: the branch that was seen is recorded. */
  oneOf<T extends string | number | bigint>(outcome: T, allowed: readonly T[], what: string): boolean {
    const held = this.holds(allowed.includes(outcome), what, {
      expected: `one of: ${allowed.map(shown).join(', ')}`,
      actual: shown(outcome),
    });
    if (held) this.branches.add(shown(outcome));
    return held;
  }

  /**
   * The flawed message was refused, and the one without the flaw accepted; how it was refused is recorded. With `errors`,
   * by an error number of one of these names.
   */
  refused({ outcome }: Refusal, what: string, errors?: readonly string[]): boolean {
    switch (outcome.kind) {
      case 'refused': {
        this.#controls++;
        if (errors !== undefined) return this.oneOf(outcome.error ?? outcome.how, errors, what);
        this.branches.add(outcome.how);
        return this.holds(true, what, { expected: 'a refusal', actual: outcome.how });
      }
      case 'accepted':
        return this.holds(false, what, { expected: errors?.join(' or ') ?? 'a refusal', actual: outcome.how });
      case 'undecided':
        this.inconclusive(`${what}: ${outcome.why}`);
        return false;
      case 'unanswered':
        this.#evaluated++;
        this.isBesideText = true;
        this.failsBy(outcome.end, what, outcome.to);
        return false;
    }
  }

  /** The reply, or a recorded failure and the end of the case. */
  reply(exchange: Exchange, what: string): ReceivedMessage {
    if (exchange.kind === 'reply') {
      this.#evaluated++;
      return exchange.message;
    }
    this.#evaluated++;
    this.failsBy(exchange, what, 'a reply');
    throw new CaseEnded(what);
  }

  /** The operation was done; else a recorded failure, and the end of the case where nothing was answered. */
  accepted(outcome: ControlOutcome, what: string): boolean {
    this.#evaluated++;
    switch (outcome.kind) {
      case 'done':
        return true;
      case 'refused':
        this.fail('wrong', what, acceptance[outcome.by], refusalText(outcome));
        return false;
      case 'closed':
      case 'silent':
      case 'died':
        this.failsBy(outcome, what, 'acceptance');
        throw new CaseEnded(what);
    }
  }

  /** A claim that something was answered, be it a fence; what came instead is how the requirement fails. */
  answered<A extends { readonly kind: string }>(answer: A | NoAnswer, what: string, expected: string): answer is A {
    this.#evaluated++;
    if (!isNoAnswer(answer)) return true;
    if (answer.kind === 'silent') this.silence(what, expected, answer.waitedMs);
    else this.failsBy(answer, what, expected);
    return false;
  }

  /**
   * What the case presupposes and is not about. Where it does not hold, the requirement is neither shown nor refuted.
   * @throws CaseEnded
   */
  presumes(condition: boolean, what: string): void {
    if (condition) return;
    this.inconclusive(`${presupposedWrongly}${what}`);
    throw new CaseEnded(what);
  }

  /** As `presumes`, of an operation: it was not refused. @throws CaseEnded; no answer at all is a failure. */
  granted(outcome: ControlOutcome, what: string): void {
    switch (outcome.kind) {
      case 'done':
        return;
      case 'refused':
        this.presumes(false, `${what} was refused: ${refusalText(outcome)}`);
        return;
      case 'closed':
        this.presumes(false, `the connection was closed at ${what}`);
        return;
      case 'silent':
        this.#evaluated++;
        this.#unanswered(what, 'acceptance', outcome.waitedMs);
        throw new CaseEnded(what);
      case 'died':
        this.#evaluated++;
        this.isBesideText = true;
        this.failsBy(outcome, what, 'acceptance');
        throw new CaseEnded(what);
    }
  }

  /** Records how the peer failed to answer: crash, closed (wrong), or silence (stalled or hang). */
  failsBy(end: NoAnswer, what: string, expected: string): void {
    switch (end.kind) {
      case 'died':
        this.fail('crash', what, expected, `the process ended by ${exitText(end.exit)}`, end.exit);
        return;
      case 'closed':
        this.fail('wrong', what, expected, 'the connection was closed');
        return;
      case 'silent':
        if (end.isOfFence === true) this.#unanswered(what, expected, end.waitedMs);
        else this.silence(what, expected, end.waitedMs);
    }
  }

  /** Something owed did not come; the judge says later whether only this stalled or all of it hangs. */
  silence(what: string, expected: string, waitedMs: number): void {
    this.record(this.#silent(what, expected, waitedMs));
  }

  /** As `silence`, of an answer that the requirement claims nothing of. */
  #unanswered(what: string, expected: string, waitedMs: number): void {
    this.record({ ...this.#silent(what, expected, waitedMs), unanswered: true });
  }

  #silent(what: string, expected: string, waitedMs: number): Failure {
    const traceEvent = this.#newestEvent();
    return { how: 'stalled', what, expected, actual: nothingWithin(waitedMs), traceEvent, silent: true };
  }

  /** A claim that was evaluated and failed in another way than `wrong`. */
  fails(how: FailureKind, what: string, expected: string, actual: string): void {
    this.#evaluated++;
    this.fail(how, what, expected, actual);
  }

  fail(how: FailureKind, what: string, expected: string, actual: string, exit?: IutExit): void {
    if (how === 'wrong' && actual === noneInTime) {
      // A case may compare what came of an operation: that nothing came in time is for the judge to decide.
      const late = { how: 'stalled', actual: 'nothing in time', silent: true } as const;
      this.record({ ...late, what, expected, traceEvent: this.#newestEvent() });
      return;
    }
    const failure = { how, what, expected, actual, traceEvent: this.#newestEvent() };
    this.record(exit === undefined ? failure : { ...failure, exit });
  }

  /** A failure as the case or what it threw tells it. */
  record(failure: Failure): void {
    this.failures.push(this.isBesideText ? { ...failure, besideText: true } : failure);
  }

  /** The requirement could be neither shown nor refuted, and the IUT is not at fault. */
  inconclusive(why: string): void {
    this.#evaluated++;
    this.#inconclusive ??= why;
  }

  /** Sequence number of the newest event of the log. */
  #newestEvent(): number {
    return Math.max(0, this.#log.next - 1);
  }
}

function shown(value: string | number | bigint | boolean | undefined): string {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  return String(value) || 'none';
}

function firstDifference(actual: Uint8Array, expected: Uint8Array): number {
  const shared = Math.min(actual.length, expected.length);
  for (let at = 0; at < shared; at++) if (actual[at] !== expected[at]) return at;
  return actual.length === expected.length ? -1 : shared;
}

function hexAround(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
