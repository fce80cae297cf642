import { VhostConformanceError } from '../../reference-impl/errors.ts';

/** The kernel guest could not be built or started. The message is one line; the exit code is 2. */
export class GuestError extends VhostConformanceError {
  readonly code = 'GUEST';
}
