/** What was seen of a transfer of the state of a device. */
export interface SeenTransfer {
  /** To SET_DEVICE_STATE_FD; undefined where it is no word. */
  readonly answer: bigint | undefined;
  readonly hasDescriptor: boolean;
  /** Saving came to the end of the file, or all that was loaded was taken. */
  readonly isWhole: boolean;
  /** The answer to CHECK_DEVICE_STATE. */
  readonly result: bigint | undefined;
}

export interface AskedTransfer {
  readonly how: 'save' | 'load';
  /** A phase that the text has. */
  readonly isKnownPhase: boolean;
  /** What is loaded is what was saved. */
  readonly isOwn: boolean;
  /** A device that has the feature has a state, and takes its own. */
  readonly owesSuccess: boolean;
}
