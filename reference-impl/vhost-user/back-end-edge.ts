import { VhostConformanceError } from '../errors.ts';

/**
 * A file descriptor as the session sees it: a name that only the edge can use. The holder of a token owns the
 * descriptor behind it, until it is closed.
 */
export type DescriptorToken = number;

/** Memory of the front-end that the edge has mapped. `bytes` begins at the offset that was asked for. */
export interface SharedMemory {
  readonly bytes: Uint8Array;
  /** Unmaps; again has no effect. The bytes are gone afterwards. */
  unmap(): void;
}

/** A page of memory in a file of its own. Its holder closes the file and unmaps the memory. */
export interface SharedPage {
  readonly token: DescriptorToken;
  readonly memory: SharedMemory;
}

/** What postcopy asks of the world: accesses that wait until a page has come. Tokens are as everywhere the holder's. */
export interface PageFaults {
  /** A new userfaultfd; undefined where there is none to be had. */
  open(): DescriptorToken | undefined;
  /** Another descriptor of it, to be handed over. */
  share(userfault: DescriptorToken): DescriptorToken | undefined;
  /** Where memory lies for the process that accesses it. */
  addressOf(memory: SharedMemory): bigint;
  /** Accesses to missing pages of the memory wait from now on, and show on the userfaultfd, where that can be. */
  register(userfault: DescriptorToken, memory: SharedMemory): void;
  /** Accesses that wait go on, and none waits any more. */
  unregister(memory: SharedMemory): void;
  /** Accesses a range in a thread that may wait. `arrived` is called later, in a turn of the session's own. */
  touch(memory: SharedMemory, offset: number, length: number, arrived: () => void): void;
}

export type MapOutcome = SharedMemory | { readonly refused: string };

export const isRefusedMap = (outcome: MapOutcome): outcome is { readonly refused: string } => 'refused' in outcome;

/** How an edge stops to be of use, for faults alone. */
export type Breakdown = 'abort' | 'bus-error' | 'exit' | 'hang';

/** Thrown by faults that have no edge at hand; the edge then breaks down. The reference itself never throws it. */
export class BrokenDown extends VhostConformanceError {
  readonly code = 'broken-down';
  readonly how: Breakdown;

  constructor(how: Breakdown) {
    super(`the back-end broke down: ${how}`);
    this.how = how;
  }
}

/** How a process with such a fault ends; undefined where the error is one of this program. */
export function breakdownOf(error: unknown): Breakdown | undefined {
  if (error instanceof BrokenDown) return error.how;
  // Memory that was unmapped is reached: a process would get a signal.
  return error instanceof TypeError && error.message.endsWith('detached ArrayBuffer') ? 'bus-error' : undefined;
}

/**
 * What a session may ask of the world around it. Nothing here throws for what a peer can cause: a descriptor that is
 * no memory or takes no signal is an answer.
 */
export interface BackEndEdge {
  /** Bytes of a page, as mmap has them. */
  readonly pageSize: number;
  /** Absent where the machine has no userfaultfd for this process. */
  readonly pageFaults?: PageFaults | undefined;
  /**
   * Maps `size` bytes of the file from `offset` on. Refuses what is no memory file and what reaches beyond the end of
   * the file: an access there would be a SIGBUS. The token stays with the caller.
   */
  mapRegion(token: DescriptorToken, size: bigint, offset: bigint): MapOutcome;
  /** A new zeroed memory file for both sides; undefined where there is no memory for it. */
  createSharedMemory(name: string, size: number): { readonly token: DescriptorToken } | undefined;
  /** A new zeroed page for both sides, mapped. A back-end without memory for it cannot go on: it throws. */
  createSharedPage(name: string): SharedPage;
  /** Another descriptor of the same file; undefined where there is none to be had. */
  duplicate(token: DescriptorToken): DescriptorToken | undefined;
  isPipe(token: DescriptorToken): boolean;
  /** Bytes that wait in a pipe or a file like one; never waits. `broken`: it cannot be read. */
  read(token: DescriptorToken): Uint8Array | 'nothing' | 'end' | 'broken';
  /** Writes the first of the bytes, as many as a pipe takes, and says how many; never waits. `broken`: nobody reads. */
  write(token: DescriptorToken, bytes: Uint8Array): number | 'broken';
  /** Adds one to an eventfd, or writes to a pipe. */
  signal(token: DescriptorToken): void;
  /** Without a descriptor it has no effect. */
  close(token: DescriptorToken | undefined): void;
  /**
   * Sends a request of the back-end on the socket of SET_BACKEND_REQ_FD; without one it has no effect. Never waits. The
   * descriptors stay the caller's.
   */
  sendRequest(
    channel: DescriptorToken | undefined,
    message: Uint8Array,
    descriptors?: readonly DescriptorToken[],
  ): void;
  breakDown(how: Breakdown): void;
}
