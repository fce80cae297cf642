import { type ArgumentTable, choice, type Made, reference, u8, u32 } from './arguments.ts';

/** A kind of call. */
export interface CallDescription {
  /** Number of its message in protobuf: it never changes. */
  readonly tag: number;
  readonly makes?: Made;
  readonly arguments: ArgumentTable;
}

/** What is passed with a message. Each kind is made for the call, and closed behind the program. */
export const descriptorKinds = [
  'eventfd',
  'memory-file',
  'region',
  'null-device',
  'pipe',
  'socket',
  // Of vhost-mdev alone: the descriptor -1.
  'none',
] as const;
export type DescriptorKind = (typeof descriptorKinds)[number];

export const descriptors = {
  kind: choice(1, descriptorKinds),
  /** Of `region`: the memory whose file is passed. */
  memory: reference(2, 'memory'),
  region: u8(3),
  /** Of `memory-file`: bytes of it. */
  size: u32(4, 4096),
} as const satisfies ArgumentTable;
