import { blockRules as right } from '../devices/block-rules.ts';
import { type Fault, fault, inBlock } from './fault.ts';

/** Requests of the block device. */
export const blockFaults = {
  'block-read-returns-zeros': fault(
    'blk/read-returns-written-data',
    'a read returns zeros',
    inBlock({ read: (stored) => new Uint8Array(stored.length) }),
  ),
  'block-read-inverts-last-byte': fault(
    'blk/read-returns-written-data',
    'the last byte of what is read is inverted',
    inBlock({ read: (stored) => stored.map((byte, at) => (at === stored.length - 1 ? byte ^ 0xff : byte)) }),
  ),
  'block-sector-of-1024-bytes': fault(
    'blk/capacity-in-sectors',
    'sectors are counted in 1024 bytes',
    inBlock({ byteOf: (sector) => right.byteOf(sector) * 2 }),
  ),
  'block-write-cut-after-one-sector': fault(
    'blk/write-changes-only-its-sectors',
    'a write is cut after its first 512 bytes',
    inBlock({ write: (data) => data.subarray(0, 512) }),
  ),
  'block-status-of-success-undefined': fault(
    'blk/status-byte-written',
    'the status of a request that succeeds is 3',
    inBlock({ status: (outcome) => (outcome === 'done' ? 3 : right.status(outcome)) }),
  ),
  'block-status-before-data': fault(
    'blk/status-byte-written',
    'the status is written at the start of the writable part',
    inBlock({ statusOffset: () => 0 }),
  ),
  'block-flush-fails': fault('blk/flush-succeeds', 'a flush fails', inBlock({ flush: () => 'failed' })),
  'block-id-empty': fault(
    'blk/get-id-returns-string',
    'GET_ID returns twenty bytes that are no text',
    inBlock({ identity: () => new Uint8Array(20).fill(0xff) }),
  ),
  'block-unknown-request-done': fault(
    'blk/unknown-request-unsupported',
    'a request that is not known is said to have failed',
    inBlock({ status: (outcome) => (outcome === 'unsupported' ? 1 : right.status(outcome)) }),
  ),
  'block-access-past-capacity-done': fault(
    'blk/access-past-capacity-fails',
    'an access past the capacity is said to have succeeded',
    inBlock({ isInRange: () => true }),
  ),
  'block-header-from-first-descriptor': fault(
    'split/any-framing-handled',
    'the header must lie in the first descriptor, whole and alone',
    inBlock({
      headerBytes: (readable) => {
        const [first] = readable;
        return first === undefined || first.length !== 16 ? new Uint8Array(0) : right.headerBytes(readable);
      },
    }),
  ),
  'block-written-bytes-without-status': fault(
    'split/used-len-counts-written-bytes',
    'the status byte is left out of the bytes told as written',
    inBlock({ written: (chain) => chain.writableLength - 1 }),
  ),
} as const satisfies Record<string, Fault>;
