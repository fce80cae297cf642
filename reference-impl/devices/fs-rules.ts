import { orderOfInit } from './fuse-layout.ts';

/** What the file system device does by choice; a fault replaces one entry. */
export interface FsRules {
  /** The tag of configuration with what pads it, given 36 bytes. */
  readonly tag: (field: Uint8Array) => Uint8Array;
  /** `num_request_queues` of configuration, given how many there are. */
  readonly toldQueues: (queues: number) => number;
  /** Looks at the queue of high priority that are left out behind each request on another queue. */
  readonly hiprioPause: number;
  /** The order of bytes of the session that a request begins; undefined where it begins none. */
  readonly orderOfInit: typeof orderOfInit;
  /** Whether a FUSE_INIT begins a session where there is one. */
  readonly beginsAnew: () => boolean;
  /** The queue whose session a request belongs to, given the queue on which it came: one for all. */
  readonly sessionOf: (queue: number) => number;
  /** Whether it knows the requests of an opcode that it has code for. */
  readonly knows: (opcode: number) => boolean;
  /** Whether the header of an answer is little-endian, given whether its session is. */
  readonly answersLittle: (isLittle: boolean) => boolean;
  /** The bytes of an answer, given those of the right one. */
  readonly answer: (bytes: Uint8Array) => Uint8Array;
  /** Whether a request that has no answer (FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_INTERRUPT) is given one. */
  readonly answersAll: () => boolean;
  /** Of so many bytes to be read or written at that place of a file, those that are. */
  readonly carried: (bytes: number, at: number, direction: 'read' | 'write') => number;
  /** What becomes of a request whose bytes do not hold what its header and opcode ask for. */
  readonly flawed: () => void;
}

export const fsRules: FsRules = {
  tag: (field) => field,
  toldQueues: (queues) => queues,
  hiprioPause: 0,
  orderOfInit,
  beginsAnew: () => true,
  sessionOf: () => 0,
  knows: () => true,
  answersLittle: (isLittle) => isLittle,
  answer: (bytes) => bytes,
  answersAll: () => false,
  carried: (bytes) => bytes,
  flawed: () => {},
};
