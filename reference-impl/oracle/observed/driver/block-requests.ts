import {
  BLOCK_HEADER_SIZE,
  BLOCK_ID_SIZE,
  blockConfig,
  decodeBlockHeader,
  decodeRanges,
  RANGE_SIZE,
  SECTOR_SIZE,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_SECURE_ERASE,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from '../../../devices/block-layout.ts';
import { gather } from '../../../memory/pieces.ts';
import type { Chain } from '../../../virtqueue/chain.ts';
import { breach, keptIf, type Tell } from '../judgement.ts';
import type { DriverRequests } from './request-rules.ts';

const bytes = (count: number): string => `${count} bytes`;

function judgeTransfer(what: string, sector: bigint, length: number, capacity: bigint, tell: Tell): void {
  tell(
    'blk/driver-data-in-whole-sectors',
    keptIf(length % SECTOR_SIZE === 0, () => breach(what, 'whole sectors', bytes(length))),
  );
  const end = sector + BigInt(Math.ceil(length / SECTOR_SIZE));
  tell(
    'blk/driver-stays-within-capacity',
    keptIf(end <= capacity, () => breach(what, `an end at sector ${capacity} at most`, `sector ${end}`)),
  );
}

function judgeFlush(chain: Chain, sector: bigint, tell: Tell): void {
  tell(
    'blk/driver-flush-sector-zero',
    keptIf(sector === 0n, () => breach('FLUSH', 'sector 0', `sector ${sector}`)),
  );
  const data = chain.readableLength - BLOCK_HEADER_SIZE + chain.writableLength - 1;
  tell(
    'blk/driver-flush-carries-no-data',
    keptIf(data === 0, () => breach('FLUSH', 'no data', bytes(data))),
  );
}

interface RangeRequest {
  readonly what: string;
  readonly limitAt: number;
  readonly limit:
    | 'blk/driver-discard-segments-bounded'
    | 'blk/driver-write-zeroes-segments-bounded'
    | 'blk/driver-secure-erase-segments-bounded';
}

const rangeRequests: Readonly<Record<number, RangeRequest>> = {
  [VIRTIO_BLK_T_DISCARD]: {
    what: 'DISCARD',
    limitAt: blockConfig.maxDiscardSeg,
    limit: 'blk/driver-discard-segments-bounded',
  },
  [VIRTIO_BLK_T_WRITE_ZEROES]: {
    what: 'WRITE_ZEROES',
    limitAt: blockConfig.maxWriteZeroesSeg,
    limit: 'blk/driver-write-zeroes-segments-bounded',
  },
  [VIRTIO_BLK_T_SECURE_ERASE]: {
    what: 'SECURE_ERASE',
    limitAt: blockConfig.maxSecureEraseSeg,
    limit: 'blk/driver-secure-erase-segments-bounded',
  },
};

function judgeRanges({ what, limitAt, limit }: RangeRequest, chain: Chain, config: DataView, tell: Tell): void {
  const length = chain.readableLength - BLOCK_HEADER_SIZE;
  tell(
    'blk/driver-range-commands-whole-segments',
    keptIf(length > 0 && length % RANGE_SIZE === 0, () => breach(what, 'whole segments', bytes(length))),
  );
  const most = config.getUint32(limitAt, true);
  const count = Math.floor(length / RANGE_SIZE);
  tell(
    limit,
    keptIf(count <= most, () => breach(what, `${most} segments at most`, `${count}`)),
  );
  if (what !== 'DISCARD' || count > most) return;
  const isUnmapped = decodeRanges(gather(chain.readable, BLOCK_HEADER_SIZE)).some(({ flags }) => (flags & 1) !== 0);
  tell(
    'blk/driver-discard-unmap-clear',
    keptIf(!isUnmapped, () => breach(what, 'the unmap bit clear', 'it is set')),
  );
}

export const blockRequests: DriverRequests = {
  judge(chain, _queue, _features, config, tell) {
    const isWhole = chain.readableLength >= BLOCK_HEADER_SIZE && chain.writableLength >= 1;
    tell(
      'blk/driver-places-header-and-status',
      keptIf(isWhole, () =>
        breach(
          'a request',
          '16 readable bytes and a writable one',
          `${chain.readableLength} and ${chain.writableLength}`,
        ),
      ),
    );
    if (!isWhole) return;
    const { type, sector } = decodeBlockHeader(gather(chain.readable, 0, BLOCK_HEADER_SIZE));
    const capacity = config.getBigUint64(blockConfig.capacity, true);
    const ranges = rangeRequests[type];
    if (ranges !== undefined) judgeRanges(ranges, chain, config, tell);
    if (type === VIRTIO_BLK_T_IN) judgeTransfer('IN', sector, chain.writableLength - 1, capacity, tell);
    if (type === VIRTIO_BLK_T_OUT) {
      judgeTransfer('OUT', sector, chain.readableLength - BLOCK_HEADER_SIZE, capacity, tell);
    }
    if (type === VIRTIO_BLK_T_FLUSH) judgeFlush(chain, sector, tell);
    if (type === VIRTIO_BLK_T_GET_ID) {
      const length = chain.writableLength - 1;
      tell(
        'blk/driver-get-id-length',
        keptIf(length === BLOCK_ID_SIZE, () => breach('GET_ID', bytes(BLOCK_ID_SIZE), bytes(length))),
      );
    }
  },
};
