import type { Session } from '../../drivers/port/port.ts';
import type { ModelFinding } from '../../reference-impl/oracle/model/observation.ts';
import type { OutcomeClass } from '../executor/outcomes.ts';
import type { Call } from '../program/program.ts';

/** Feeds the model of a device that is opened as a file with the calls that the log of one program holds, call by call. */
export interface DeviceJudge {
  /** A device was opened: as it was made, where no other session has it. */
  connected(session: Session): void;
  refusedOpen(): void;
  lose(): void;
  /** Judges the calls on the device behind one call of the program. */
  behindCall(call: Call, outcome: OutcomeClass): ModelFinding[];
}
