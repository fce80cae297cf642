import { VhostConformanceError } from '../../reference-impl/errors.ts';

/** Bytes that are no trace, or a trace of another major version. */
export class TraceError extends VhostConformanceError {
  readonly code = 'trace';
}
