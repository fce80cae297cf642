/** The root of all errors that this project throws. What is expected of an IUT is a value, never one of these. */
export abstract class VhostConformanceError extends Error {
  /** Stable name of the kind of error, for programs: upper case with underscores. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
