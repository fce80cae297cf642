import { VhostConformanceError } from '../reference-impl/errors.ts';

/** The command cannot be carried out as given. The message is one line that says what to change; the exit code is 2. */
export class UsageError extends VhostConformanceError {
  readonly code = 'USAGE';
}
