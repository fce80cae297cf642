import { VhostConformanceError } from '../../reference-impl/errors.ts';

/** A file of results, a catalogue or a plan that cannot be read or written: the message is one line and names the file. */
export class RecordError extends VhostConformanceError {
  readonly code = 'record';
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(`${path}: ${message}`, options);
    this.path = path;
  }
}
