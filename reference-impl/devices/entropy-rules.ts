/** What the entropy device does by choice; a fault replaces one entry. */
export interface EntropyRules {
  /** Bytes that are placed in a buffer of that length. */
  readonly placed: (writable: number) => number;
  /** The bytes that go out, given those of the source. */
  readonly drawn: (bytes: Uint8Array) => Uint8Array;
  /** Bytes told as written, given those that were. */
  readonly told: (written: number) => number;
  /** What becomes of bytes that the driver gave to be read, which no driver may do (virtio 5.4.6.1). */
  readonly readable: (bytes: number) => void;
}

/** More than this of a buffer stays as it was, which a device may do (virtio 5.4.6.2). */
const MOST_AT_ONCE = 4096;

export const entropyRules: EntropyRules = {
  placed: (writable) => Math.min(writable, MOST_AT_ONCE),
  drawn: (bytes) => bytes,
  told: (written) => written,
  readable: () => {},
};
