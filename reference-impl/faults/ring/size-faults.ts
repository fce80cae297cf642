import { bufferRules as right } from '../../virtqueue/buffer-rules.ts';
import { packedDeviceRules } from '../../virtqueue/packed/device-rules.ts';
import type { RingFault } from '../fault.ts';
import { breakingDown } from './breaking-down.ts';
import { inEachRing, inPackedRing, inSplitRing, type RingChange, ringFault } from './ring-fault.ts';

/**
 * A chain whose descriptors have no bytes is followed for ever. On packed rings it is followed into descriptors that are
 * not available, as they are where a list has come round.
 */
function emptyLoopHangs(): readonly RingChange[] {
  let isEmpty = false;
  const shared = {
    acceptsLength: (length: number) => {
      isEmpty = length === 0;
      return right.acceptsLength(length);
    },
    acceptsChainLength: (descriptors: number, size: number) =>
      breakingDown(isEmpty ? 'hang' : undefined, right.acceptsChainLength(descriptors, size)),
  };
  return [
    inSplitRing(shared),
    inPackedRing({
      ...shared,
      acceptsChained: (flags, wrap, slot) =>
        isEmpty && right.hasNext(flags, 1) ? undefined : packedDeviceRules.acceptsChained(flags, wrap, slot),
    }),
  ];
}

/** Sizes of chains, and of what was written into them. */
export const ringSizeFaults = {
  'used-len-in-16-bits': ringFault(
    'split/used-len-counts-written-bytes',
    'the len of a used element is told in 16 bits',
    ...inEachRing({ usedLen: ({ written }) => written & 0xffff }),
  ),
  'used-len-of-id-is-a-sector': ringFault(
    'split/used-len-bytes-written',
    'the len of a used element is 513 where 21 bytes were written, as for GET_ID',
    ...inEachRing({ usedLen: ({ written }) => (written === 21 ? 513 : written) }),
  ),
  'used-len-of-status-is-a-sector': ringFault(
    'split/used-len-bytes-written',
    'the len of a used element is 513 where a request without data wrote one byte, as a flush does',
    ...inEachRing({
      usedLen: ({ chain, written }) => (written === 1 && chain.readableLength <= 32 ? 513 : written),
    }),
  ),
  'empty-descriptors-hang': ringFault(
    'split/descriptor-loop-survived',
    'a loop of descriptors of length 0 is followed for ever',
    ...emptyLoopHangs(),
  ),
  'long-indirect-table-crashes': ringFault(
    'indirect/table-longer-than-queue-survived',
    'it aborts at an indirect table that is longer than the queue',
    ...inEachRing({
      acceptsTableLength: (bytes, size) =>
        breakingDown(
          bytes > size * 16 && bytes % 16 === 0 ? 'abort' : undefined,
          right.acceptsTableLength(bytes, size),
        ),
    }),
  ),
  'indirect-table-of-128-entries-at-most': ringFault(
    'indirect/table-served-like-chain',
    'an indirect table of more than 128 descriptors is refused',
    ...inEachRing({ acceptsTableLength: (bytes, size) => right.acceptsTableLength(bytes, Math.min(size, 128)) }),
  ),
  'receive-used-id-of-last-descriptor': ringFault(
    'split/used-id-is-chain-head',
    'the id of a used receive chain of several descriptors is that of its last descriptor',
    ...inEachRing({
      usedId: ({ id, readable, descriptors }) => (readable.length === 0 ? id + descriptors - 1 : id),
    }),
  ),
  'indirect-table-of-queue-size-refused': ringFault(
    'indirect/table-served-like-chain',
    'a table of as many descriptors as the queue has is refused',
    ...inEachRing({
      acceptsTableLength: (bytes, size) => right.acceptsTableLength(bytes, size - 1),
    }),
  ),
} as const satisfies Record<string, RingFault>;
