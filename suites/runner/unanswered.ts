import type { DriverPort, Session } from '../../drivers/port/port.ts';
import { CalmMachine } from '../../judging/calm-machine.ts';
import { tooSlowToTell } from '../../judging/silence.ts';
import { isRequirementSlug, type RequirementSlug, requirementOf } from '../../reference-impl/catalogue/catalogue.ts';
import type { Check } from '../check.ts';

/** Answers to messages of which a case claims nothing, and that did not come: fences, negotiation, the memory table. */

export const answersInTime: RequirementSlug = 'vu-header/messages-answered-in-time';

/** Whether a text says it. Else the requirement is that all goes on, and silence is the harm that was looked for. */
const isOfText = (slug: string): boolean => isRequirementSlug(slug) && requirementOf(slug).level !== null;

/**
 * An answer that did not come is of no ring and no device: it fails a requirement of its own, and leaves the one that was
 * being shown inconclusive. Where the case did what no text allows, it is left as the harm that comes of that.
 */
export function fileUnanswered(checks: Iterable<Check>, checkOf: (requirement: RequirementSlug) => Check): void {
  for (const check of [...checks]) {
    if (!isOfText(check.requirement)) continue;
    const moved = check.failures.filter(({ unanswered, besideText }) => unanswered === true && besideText !== true);
    if (moved.length === 0) continue;
    const kept = check.failures.filter((failure) => !moved.includes(failure));
    check.failures.splice(0, check.failures.length, ...kept);
    check.inconclusive(`${moved[0]?.what}: nothing came, which is told under ${answersInTime}`);
    checkOf(answersInTime).failures.push(...moved);
  }
}

/**
 * Tells late answers from those that never come. On a machine that was busy, one that comes while its session is open was
 * late: then nothing is known of what was to follow it. Waits in vain once.
 */
export class LateAnswers {
  readonly #port: DriverPort;
  readonly #machine: Pick<CalmMachine, 'begin' | 'wasCalm'>;
  #hasWaitedInVain = false;

  constructor(port: DriverPort, machine: Pick<CalmMachine, 'begin' | 'wasCalm'> = new CalmMachine()) {
    this.#port = port;
    this.#machine = machine;
    machine.begin();
  }

  /** @throws BudgetError */
  look(checks: readonly Check[], sessions: readonly Session[]): void {
    const silent = checks.filter((check) => check.failures.some(isSilent));
    const session = sessions.find(({ isOpen, unanswered }) => isOpen && unanswered !== undefined);
    if (silent.length === 0 || session === undefined || this.#hasWaitedInVain || this.#machine.wasCalm()) return;
    const { unanswered } = session;
    const from = this.#port.nowMs();
    this.#port.until(() => session.unanswered === undefined, this.#port.deadlineMs);
    this.#hasWaitedInVain = session.unanswered !== undefined;
    if (this.#hasWaitedInVain) return;
    const late = `${unanswered} was answered ${Math.round(this.#port.nowMs() - from)} ms behind its deadline`;
    for (const check of silent) {
      check.failures.splice(0, check.failures.length, ...check.failures.filter((failure) => !isSilent(failure)));
      check.inconclusive(`${tooSlowToTell}${late}`);
    }
  }
}

const isSilent = ({ silent }: { readonly silent?: true }): boolean => silent === true;
