import { VhostConformanceError } from '../reference-impl/errors.ts';

/** What was asked for cannot be done as asked. The message is one line that says what to change; the exit code is 2. */
export class UsageError extends VhostConformanceError {
  readonly code = 'USAGE';
}
