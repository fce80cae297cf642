import { VhostConformanceError } from '../reference-impl/errors.ts';

/** A claim, a profile, a key or a bundle that cannot be used: the message is one line. */
export class CertificateError extends VhostConformanceError {
  readonly code = 'certificate';
}
