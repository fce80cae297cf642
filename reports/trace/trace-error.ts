import { VhostConformanceError } from '../../reference-impl/vhost-conformance-error.ts';

/** Bytes that are no trace, or a trace of another major version. */
export class TraceError extends VhostConformanceError {
  readonly code = 'TRACE';
}
