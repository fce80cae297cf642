import { BLOCK_HEADER_SIZE, type BlockRange, decodeRanges } from '../../devices/block-layout.ts';
import { type BlockRules, blockRules as right } from '../../devices/block-rules.ts';
import { gather, totalLength } from '../../memory/pieces.ts';
import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inBlock } from './device-fault.ts';

const below32 = (sector: bigint): bigint => BigInt.asUintN(32, sector);
/** The sector whose byte is left of one whose byte is counted in 64 bits. */
const wrappedBytes = (sector: bigint): bigint => BigInt.asUintN(55, sector);
/** Ranges that go past the end are looked at by their sectors as `seen` has them. */
const judgedAs = (seen: (sector: bigint) => bigint): Partial<BlockRules> => ({
  isRangeInDisk: (range, capacity) => right.isRangeInDisk({ ...range, sector: seen(range.sector) }, capacity),
  cleared: ({ sector, sectors }) => ({ sector: seen(sector), sectors }),
});
/** A range that ends where the disk does is said to leave it. */
const failsAtEnd = inBlock({
  isRangeInDisk: ({ sector, sectors }, capacity) => sector + BigInt(sectors) < capacity,
});
const longer = ({ sector, sectors }: BlockRange): BlockRange => ({ sector, sectors: sectors + 1, flags: 0 });

/** Where requests reach on the disk: ranges, and reads and writes far past its end. */
export const blockRangeFaults = {
  'block-range-past-capacity-done': deviceFault(
    'blk/access-past-capacity-fails',
    'a range past the capacity is said to be cleared',
    inBlock({ isRangeInDisk: () => true }),
  ),
  'block-range-end-wraps-at-64-bits': deviceFault(
    'blk/access-past-capacity-fails',
    'the end of a range is counted in 64 bits',
    inBlock({
      isRangeInDisk: ({ sector, sectors }, capacity) => BigInt.asUintN(64, sector + BigInt(sectors)) <= capacity,
    }),
  ),
  'block-range-sector-in-32-bits': deviceFault(
    'blk/access-past-capacity-fails',
    'the sector of a range is taken in 32 bits',
    inBlock(judgedAs(below32)),
  ),
  'block-range-bytes-wrap-at-64-bits': deviceFault(
    'blk/access-past-capacity-fails',
    'the first byte of a range is counted in 64 bits',
    inBlock(judgedAs(wrappedBytes)),
  ),
  'block-second-range-unchecked': deviceFault(
    'blk/access-past-capacity-fails',
    'of several segments only those inside the disk are carried out, with status OK',
    inBlock({
      ranges: (readable) => {
        const [first, ...others] = right.ranges(readable);
        return first === undefined ? [] : [first, ...others.filter(({ sector }) => sector < 2048n)];
      },
    }),
  ),
  'block-discard-up-to-the-end-fails': deviceFault(
    'blk/discard-succeeds',
    'a discard of the last sectors of the disk fails',
    failsAtEnd,
  ),
  'block-secure-erase-up-to-the-end-fails': deviceFault(
    'blk/secure-erase-succeeds',
    'a secure erase of the last sectors of the disk fails',
    failsAtEnd,
  ),
  'block-zeroes-up-to-the-end-fail': deviceFault(
    'blk/zeroed-ranges-read-zero',
    'zeroes to the last sectors of the disk fail',
    failsAtEnd,
  ),
  'block-sector-in-32-bits': deviceFault(
    'blk/access-past-capacity-fails',
    'the sector of a read or write is taken in 32 bits',
    inBlock({
      isInRange: (sector, bytes, capacity) => right.isInRange(below32(sector), bytes, capacity),
      byteOf: (sector) => right.byteOf(below32(sector)),
    }),
  ),
  'block-end-wraps-at-64-bits': deviceFault(
    'blk/access-past-capacity-fails',
    'the end of a read or write is counted in 64 bits',
    inBlock({
      isInRange: (sector, bytes, capacity) => BigInt.asUintN(64, sector + BigInt(bytes / 512)) <= capacity,
    }),
  ),
  'block-range-one-sector-more': deviceFault(
    'blk/ranges-change-only-their-sectors',
    'a range of 8 sectors or more is cleared with the sector behind it',
    inBlock({ cleared: (range) => (range.sectors > 7 ? longer(range) : range) }),
  ),
  'block-empty-range-clears-one': deviceFault(
    'blk/ranges-change-only-their-sectors',
    'a range of no sectors is cleared as one of one sector',
    inBlock({ cleared: (range) => (range.sectors === 0 ? longer(range) : range) }),
  ),
  'block-range-count-in-8-bits': deviceFault(
    'blk/zeroed-ranges-read-zero',
    'the sectors of a range are counted in 8 bits',
    inBlock({ cleared: (range) => ({ ...range, sectors: range.sectors & 0xff }) }),
  ),
  'block-range-last-sector-left': deviceFault(
    'blk/zeroed-ranges-read-zero',
    'the last sector of a range of more than 99 sectors keeps its data',
    inBlock({ cleared: (range) => (range.sectors > 99 ? { ...range, sectors: range.sectors - 1 } : range) }),
  ),
  'block-first-segment-only': deviceFault(
    'blk/every-segment-carried-out',
    'of several segments the first is carried out',
    inBlock({ ranges: (readable) => right.ranges(readable).slice(0, 1) }),
  ),
  'block-segments-of-one-descriptor': deviceFault(
    'blk/every-segment-carried-out',
    'segments behind the first descriptor that has one are left out',
    inBlock({
      ranges: (readable) => {
        const whole = gather(readable, BLOCK_HEADER_SIZE);
        let end = 0;
        for (const { length } of readable) {
          end += length;
          if (end > BLOCK_HEADER_SIZE) break;
        }
        const ranges = decodeRanges(whole.subarray(0, end - BLOCK_HEADER_SIZE));
        return ranges.length === 0 ? right.ranges(readable) : ranges;
      },
    }),
  ),
  'block-odd-range-crashes': deviceFault(
    'blk/odd-range-request-survived',
    'it aborts at a part of a segment',
    inBlock({
      ranges: (readable) => {
        if (totalLength(readable) % 16 !== 0) throw new BrokenDown('abort');
        return right.ranges(readable);
      },
    }),
  ),
  'block-many-ranges-crash': deviceFault(
    'blk/odd-range-request-survived',
    'it aborts at more than 255 segments',
    inBlock({
      ranges: (readable) => {
        if (totalLength(readable) > 256 * 16) throw new BrokenDown('abort');
        return right.ranges(readable);
      },
    }),
  ),
} as const satisfies Record<string, DeviceFault>;
