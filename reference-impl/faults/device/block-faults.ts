import { featureMask } from '../../catalogue/feature-set.ts';
import { VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_T_SECURE_ERASE } from '../../devices/block-layout.ts';
import { blockRules as right } from '../../devices/block-rules.ts';
import { fillPieces } from '../../memory/pieces.ts';
import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import type { DeviceFault } from '../fault.ts';
import { ofBlockAlone } from '../fault.ts';
import { deviceFault, inBlock } from './device-fault.ts';

/** Requests of the block device. */
export const blockFaults = {
  'block-read-of-256-kib-at-most': deviceFault(
    'blk/read-returns-written-data',
    'of a read of more than 256 KiB the rest is zeros',
    inBlock({ read: (stored) => stored.subarray(0, 262_144) }),
  ),
  'block-write-of-256-kib-at-most': deviceFault(
    'blk/read-returns-written-data',
    'of a write of more than 256 KiB the rest is not stored',
    inBlock({ write: (data) => data.subarray(0, 262_144) }),
  ),
  'block-read-returns-zeros': deviceFault(
    'blk/read-returns-written-data',
    'a read of more than one sector returns zeros',
    inBlock({ read: (stored) => (stored.length > 512 ? new Uint8Array(stored.length) : stored) }),
  ),
  'block-read-inverts-last-byte': deviceFault(
    'blk/read-returns-written-data',
    'the last byte of a read of more than one sector is inverted',
    inBlock({
      read: (stored) => stored.map((byte, at) => (at > 511 && at === stored.length - 1 ? byte ^ 0xff : byte)),
    }),
  ),
  'block-sector-of-1024-bytes': deviceFault(
    'blk/capacity-in-sectors',
    'sectors are counted in 1024 bytes',
    inBlock({ byteOf: (sector) => right.byteOf(sector) * 2 }),
  ),
  'block-write-cut-after-one-sector': deviceFault(
    'blk/write-changes-only-its-sectors',
    'a write is cut after its first 512 bytes',
    inBlock({ write: (data) => data.subarray(0, 512) }),
  ),
  'block-status-undefined': deviceFault(
    'blk/status-byte-written',
    'the status of a request that is not known is 3',
    inBlock({ status: (outcome) => (outcome === 'unsupported' ? 3 : right.status(outcome)) }),
  ),
  'block-status-before-data': deviceFault(
    'blk/status-byte-written',
    'the status of GET_ID is written at the start of the writable part',
    inBlock({
      statusOffset: (chain) => (chain.writableLength === 21 ? 0 : right.statusOffset(chain)),
      // A status that is never written must not read as that of a request that is done.
      fillRest: (writable, written) => fillPieces(writable, written, 0xff),
    }),
  ),
  'block-rest-left-as-it-was': deviceFault(
    'split/used-len-bytes-written',
    'what a request has no data for is left as it was, and told as written',
    inBlock({ fillRest: () => {} }),
  ),
  'block-flush-fails': deviceFault('blk/flush-succeeds', 'a flush fails', inBlock({ flushed: 'failed' })),
  'block-discard-unsupported': deviceFault(
    'blk/discard-succeeds',
    'a discard is not supported, although the feature is',
    inBlock({ acceptsRangeFlags: (flags, defined) => defined !== 0 && right.acceptsRangeFlags(flags, defined) }),
  ),
  'block-secure-erase-unsupported': deviceFault(
    'blk/secure-erase-succeeds',
    'a secure erase is not supported, although the feature is',
    inBlock({ supports: (type) => type !== VIRTIO_BLK_T_SECURE_ERASE }),
  ),
  'block-id-empty': deviceFault(
    'blk/get-id-returns-string',
    'GET_ID returns twenty bytes that are no text',
    inBlock({ identity: () => new Uint8Array(20).fill(0xff) }),
  ),
  'block-unknown-request-done': deviceFault(
    'blk/unknown-request-unsupported',
    'a request that is not known is said to have failed',
    inBlock({ status: (outcome) => (outcome === 'unsupported' ? 1 : right.status(outcome)) }),
  ),
  'block-access-past-capacity-done': deviceFault(
    'blk/access-past-capacity-fails',
    'an access past the capacity is said to have succeeded',
    inBlock({ isInRange: () => true }),
  ),
  'block-header-from-first-descriptor': ofBlockAlone(
    deviceFault(
      'split/any-framing-handled',
      'a header whose first descriptor has less than four bytes is not understood',
      inBlock({
        headerBytes: (readable) => {
          const [first] = readable;
          return first === undefined || first.length < 4 ? new Uint8Array(0) : right.headerBytes(readable);
        },
      }),
    ),
  ),
  'block-written-bytes-without-status': ofBlockAlone(
    deviceFault(
      'split/used-len-counts-written-bytes',
      'the status byte is left out of the bytes told as written',
      inBlock({ written: (chain) => chain.writableLength - 1 }),
    ),
  ),
  'block-sectors-in-pairs': deviceFault(
    'blk/read-returns-written-data',
    'an odd sector is taken for the even one before it',
    inBlock({ byteOf: (sector) => right.byteOf(sector & ~1n) }),
  ),
  'block-write-one-sector-more': deviceFault(
    'blk/write-changes-only-its-sectors',
    'the sector behind a write is zeroed',
    inBlock({
      write: (data) => {
        const longer = new Uint8Array(data.length + 512);
        longer.set(data);
        return longer;
      },
    }),
  ),
  'block-partial-sector-crashes': deviceFault(
    'blk/partial-sector-survived',
    'it aborts at data that are no multiple of 512 bytes',
    inBlock({
      acceptsDataLength: (bytes) => {
        if (!right.acceptsDataLength(bytes)) throw new BrokenDown('abort');
        return true;
      },
    }),
  ),
  'block-short-request-crashes': deviceFault(
    'blk/short-request-survived',
    'it aborts at a header of less than 16 bytes',
    inBlock({
      headerBytes: (readable) => {
        const header = right.headerBytes(readable);
        if (header.length < 16) throw new BrokenDown('abort');
        return header;
      },
    }),
  ),
  'block-range-flags-ignored': deviceFault(
    'blk/unknown-range-flags-unsupported',
    'flags of a range that have no meaning are ignored',
    inBlock({ acceptsRangeFlags: (flags, defined) => right.acceptsRangeFlags(flags & 1, defined) }),
  ),
  'block-range-flags-of-first-alone': deviceFault(
    'blk/unknown-range-flags-unsupported',
    'flags of ranges behind the first are not looked at',
    inBlock({
      ranges: (readable) => right.ranges(readable).map((range, n) => (n === 0 ? range : { ...range, flags: 0 })),
    }),
  ),
  'block-discard-with-unmap-done': deviceFault(
    'blk/discard-unmap-unsupported',
    'a discard with the unmap flag is carried out',
    inBlock({ acceptsRangeFlags: (flags, defined) => right.acceptsRangeFlags(flags & ~1, defined) }),
  ),
  'block-zeroed-range-reads-as-ones': deviceFault(
    'blk/zeroed-ranges-read-zero',
    'a range that was zeroed reads as 0xff',
    inBlock({ zeroed: () => 0xff }),
  ),
  'block-zone-request-fails': deviceFault(
    'blk/zone-commands-unsupported-without-zoned',
    'requests for zones fail with IOERR',
    inBlock({ unknown: (type) => (type >= 15 && type <= 26 ? 'failed' : right.unknown(type)) }),
  ),
  'block-flush-not-offered': deviceFault(
    'blk/flush-always-offered',
    'neither FLUSH nor CONFIG_WCE is offered',
    inBlock({ offered: (features) => features & ~(VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE) }),
  ),
  'block-config-wce-without-flush': deviceFault(
    'blk/config-wce-implies-flush',
    'CONFIG_WCE is offered without FLUSH',
    inBlock({ offered: (features) => features & ~VIRTIO_BLK_F_FLUSH }),
  ),
  'block-writeback-without-flush': deviceFault(
    'blk/writeback-zero-without-flush',
    'writeback starts at 1 whatever was negotiated',
    inBlock({ writeback: () => 1 }),
  ),
  'block-capacity-halved': deviceFault(
    'blk/capacity-in-sectors',
    'capacity counts units of 1024 bytes',
    inBlock({
      config: (stored) => {
        const bytes = stored.slice();
        const view = new DataView(bytes.buffer);
        view.setBigUint64(0, view.getBigUint64(0, true) / 2n, true);
        return bytes;
      },
    }),
  ),
  'block-config-padding-filled': deviceFault(
    'blk/config-padding-zero',
    'the padding of config space is 0xff',
    inBlock({ config: (bytes) => bytes.slice().fill(0xff, 33, 34).fill(0xff, 57, 60) }),
  ),
  'zoned-offered-by-plain-disk': deviceFault(
    'blk/non-zoned-does-not-offer-zoned',
    'ZONED is offered by a disk without zones',
    inBlock({ offered: (features) => features | featureMask('VIRTIO_BLK_F_ZONED') }),
  ),
} as const satisfies Record<string, DeviceFault>;
