import { BrokenDown } from '../../../vhost-user/back-end-edge.ts';
import { done } from '../../../vhost-user/handled.ts';
import type { VhostUserFault } from '../../fault.ts';
import { handling, inTable, vhostUserFault } from './vhost-user-fault.ts';

/** Dirty logs for migration. */
export const logFaults = {
  'log-base-unanswered': vhostUserFault(
    'vu-log/set-log-base-with-descriptor-answered',
    'SET_LOG_BASE is carried out and not answered',
    handling('VHOST_USER_SET_LOG_BASE', (right) => {
      right();
      return done;
    }),
  ),
  'log-leaves-buffers-out': vhostUserFault(
    'vu-log/buffer-writes-marked',
    'pages of buffers are not marked',
    inTable('log', { marksBuffers: false }),
  ),
  'log-marks-first-page-only': vhostUserFault(
    'vu-log/buffer-writes-marked',
    'only the first page of a buffer is marked',
    inTable('log', { pagesMarked: (pages) => pages.slice(0, 1) }),
  ),
  'log-marks-first-64-pages': vhostUserFault(
    'vu-log/buffer-writes-marked',
    'of one buffer only the first 64 pages are marked',
    inTable('log', { pagesMarked: (pages) => pages.slice(0, 64) }),
  ),
  'log-marks-both-ends-only': vhostUserFault(
    'vu-log/buffer-writes-marked',
    'of one buffer of more than 8 pages only the first and the last are marked',
    inTable('log', { pagesMarked: (pages) => (pages.length > 8 ? [pages.at(0) ?? 0n, pages.at(-1) ?? 0n] : pages) }),
  ),
  'log-pages-in-20-bits': vhostUserFault(
    'vu-log/buffer-writes-marked',
    'the number of a page has 20 bits, so that a page above 4 GiB is marked as one below',
    inTable('log', { pagesMarked: (pages) => pages.map((page) => page & 0xf_ffffn) }),
  ),
  'log-byte-offset-signed': vhostUserFault(
    'vu-log/buffer-writes-marked',
    'an address is taken as a signed number of 32 bits, so that no page from 2 GiB to 4 GiB is marked',
    inTable('log', { pagesMarked: (pages) => pages.filter((page) => page < 0x8_0000n || page > 0xf_ffffn) }),
  ),
  'log-of-running-rings-ignored': vhostUserFault(
    'vu-log/logging-switched-while-running',
    'a log that is given while rings run is answered and not used',
    handling('VHOST_USER_SET_LOG_BASE', (right, session) =>
      session.rings.someStarted ? { kind: 'reply', payload: new Uint8Array(0) } : right(),
    ),
  ),
  'log-leaves-used-ring-out': vhostUserFault(
    'vu-log/used-ring-writes-marked-with-ring-flag',
    'pages of a used ring are not marked',
    inTable('log', { marksUsedRing: () => false }),
  ),
  'log-marks-used-idx-only': vhostUserFault(
    'vu-log/used-ring-writes-marked-with-ring-flag',
    'of a used ring the page of its idx alone is marked',
    inTable('log', { usedRingByte: () => 0 }),
  ),
  'log-page-of-8192-bytes': vhostUserFault(
    'vu-log/page-size-and-bit-order',
    'a bit stands for 8192 bytes',
    inTable('log', { pageSize: 8192n }),
  ),
  'log-most-significant-bit-first': vhostUserFault(
    'vu-log/page-size-and-bit-order',
    'the first page of a byte has its most significant bit',
    inTable('log', { bitOf: (page) => 7 - Number(page & 7n) }),
  ),
  'log-marks-used-ring-at-its-own-address': vhostUserFault(
    'vu-log/used-ring-marks-start-at-log-address',
    'marks of a used ring begin at its ring address',
    inTable('log', { usedRingStart: (_, usedAddress) => usedAddress & 0xffff_ffffn }),
  ),
  'log-marks-used-rings-at-one-address': vhostUserFault(
    'vu-log/used-ring-marks-start-at-log-address',
    'used rings of all rings are marked at the log address of the first',
    handling<{ readonly index: number }>('VHOST_USER_SET_VRING_ADDR', (right, session, { index }) => {
      const handled = right();
      const [first] = session.rings.vrings;
      const vring = session.ring(index);
      if (first?.log.isLogged && vring !== undefined) vring.log = first.log;
      return handled;
    }),
  ),
  'log-overwrites-neighbours': vhostUserFault(
    'vu-log/marks-spare-other-bits',
    'a mark clears the other bits of its byte',
    inTable('log', {
      set: (bytes, at, mask) => {
        bytes[at] = mask;
      },
    }),
  ),
  'log-offset-ignored': vhostUserFault(
    'vu-log/log-starts-at-file-offset',
    'the log begins at the start of its file',
    inTable('log', { mapping: (size) => ({ size, offset: 0n }) }),
  ),
  'log-wraps-at-its-end': vhostUserFault(
    'vu-log/no-marks-past-log-size',
    'pages past the log are marked in its last byte',
    inTable('log', { byteOf: (byte, logBytes) => (byte < BigInt(logBytes) ? Number(byte) : logBytes - 1) }),
  ),
  'log-ignores-log-all': vhostUserFault(
    'vu-log/logging-switched-while-running',
    'the log stays on when VHOST_F_LOG_ALL is given up',
    inTable('log', { isOn: () => true }),
  ),
  'log-marks-at-stop': vhostUserFault(
    'vu-log/no-marks-after-rings-stopped',
    'page 0 is marked behind the answer to the next GET_FEATURES when no ring runs',
    handling('VHOST_USER_GET_FEATURES', (right, session) => {
      if (!session.rings.someStarted) session.marks.wrote(0n, 1);
      return right();
    }),
  ),
  'small-log-crashes': vhostUserFault(
    'vu-log/too-small-log-survived',
    'it aborts at a mark past the log',
    inTable('log', { byteOf: (byte, logBytes) => within(byte, logBytes) }),
  ),
} as const satisfies Record<string, VhostUserFault>;

function within(byte: bigint, logBytes: number): number {
  if (byte >= BigInt(logBytes)) throw new BrokenDown('abort');
  return Number(byte);
}
