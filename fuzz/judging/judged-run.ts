import type { DriverPort } from '../../drivers/port/port.ts';
import type { ModelTarget } from '../../reference-impl/oracle/model/model-target.ts';
import type { MadeThings } from '../executor/made-things.ts';
import type { Outcomes } from '../executor/outcomes.ts';
import type { KnownTarget } from '../program/known-state.ts';

/** Where a program runs, and what comes of it. */
export interface JudgedRun {
  readonly port: DriverPort;
  readonly known: KnownTarget;
  readonly target: ModelTarget;
  readonly outcomes: Outcomes;
  readonly made: MadeThings;
}
