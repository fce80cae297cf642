import type { ControlOutcome, NoAnswer } from '../../drivers/port/port.ts';
import type { OutcomeClass, Outcomes } from './outcomes.ts';
import type { DoorOutcome } from './transport-door.ts';

/** The class of what came of a control operation; its value or bytes go into the outcomes. */
export function settle(outcomes: Outcomes, outcome: ControlOutcome | DoorOutcome): OutcomeClass {
  switch (outcome.kind) {
    case 'done':
      if (outcome.value !== undefined) outcomes.setValue(outcome.value);
      if (outcome.by === 'fence') return 'fenced';
      return outcome.by === 'return' ? 'returned' : 'acknowledged';
    case 'refused':
      outcomes.setValue(BigInt(outcome.value));
      return 'refused';
    case 'answered':
      outcomes.setBytes(outcome.bytes);
      return 'answered';
    case 'sent':
    case 'skipped':
    case 'closed':
    case 'silent':
    case 'died':
      return outcome.kind;
  }
}

/** The class of an answer that did not come, or that is none. */
export const unanswered = (read: NoAnswer | { readonly kind: 'unreadable' }): OutcomeClass =>
  read.kind === 'unreadable' ? 'malformed' : read.kind;
