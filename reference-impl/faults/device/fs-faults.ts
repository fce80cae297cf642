import { FUSE_OUT_SIZE, fuseOpcodes, viewOf } from '../../devices/fuse-layout.ts';
import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inDevice } from './device-fault.ts';

/** Another number in the header of an answer. */
const withHeader =
  (change: (view: DataView) => void) =>
  (bytes: Uint8Array): Uint8Array => {
    const changed = bytes.slice();
    change(viewOf(changed));
    return changed;
  };

/** Sessions and requests of a file system device. */
export const fsFaults = {
  'fs-tells-no-request-queue': deviceFault(
    'fs/num-request-queues-at-least-one',
    'num_request_queues is 0',
    inDevice('fs', { toldQueues: () => 0 }),
  ),
  'fs-tag-before-rest': deviceFault(
    'fs/tag-is-utf8-padded-with-nul',
    'the last byte of the tag is not NUL, behind others that are',
    inDevice('fs', { tag: (field) => Uint8Array.from(field, (byte, at) => (at === field.length - 1 ? 0x78 : byte)) }),
  ),
  'fs-tag-of-latin1': deviceFault(
    'fs/tag-is-utf8-padded-with-nul',
    'a letter of the tag is a byte above 127 by itself',
    inDevice('fs', { tag: (field) => Uint8Array.from(field, (byte, at) => (at === 1 ? 0xe9 : byte)) }),
  ),
  'fs-init-unknown': deviceFault(
    'fs/init-starts-session',
    'FUSE_INIT begins no session',
    inDevice('fs', { orderOfInit: () => undefined }),
  ),
  'fs-session-for-each-queue': deviceFault(
    'fs/queues-share-session',
    'each queue wants a FUSE_INIT of its own',
    inDevice('fs', { sessionOf: (queue) => queue }),
  ),
  'fs-second-init-refused': deviceFault(
    'fs/next-init-starts-new-session',
    'a FUSE_INIT fails while there is a session',
    inDevice('fs', { beginsAnew: () => false }),
  ),
  'fs-answers-little-endian': deviceFault(
    'fs/session-keeps-order-of-init',
    'headers of answers are little-endian, whatever FUSE_INIT was',
    inDevice('fs', { answersLittle: () => true }),
  ),
  'fs-write-loses-last-byte': deviceFault(
    'fs/read-and-write-supported',
    'FUSE_WRITE of more than 4000 bytes leaves the last one out',
    inDevice('fs', { carried: (bytes, _, direction) => (direction === 'write' && bytes > 4000 ? bytes - 1 : bytes) }),
  ),
  'fs-read-ends-with-the-page': deviceFault(
    'fs/read-and-write-supported',
    'FUSE_READ goes no further than the page of 4096 bytes in which it begins',
    inDevice('fs', {
      carried: (bytes, at, direction) => (direction === 'read' ? Math.min(bytes, 4096 - (at % 4096)) : bytes),
    }),
  ),
  'fs-write-unknown': deviceFault(
    'fs/read-and-write-supported',
    'FUSE_WRITE is answered by ENOSYS',
    inDevice('fs', { knows: (opcode) => opcode !== fuseOpcodes.write }),
  ),
  'fs-unique-of-32-bits': deviceFault(
    'fs/answer-header-as-fuse',
    'an answer has the low 32 bits of the number of its request',
    inDevice('fs', { answer: withHeader((view) => view.setUint32(12, 0, true)) }),
  ),
  'fs-answer-length-without-header': deviceFault(
    'fs/answer-header-as-fuse',
    'the length in an answer counts what stands behind the header',
    inDevice('fs', {
      answer: (bytes) => withHeader((view) => view.setUint32(0, bytes.length - FUSE_OUT_SIZE, true))(bytes),
    }),
  ),
  'fs-error-positive': deviceFault(
    'fs/answer-header-as-fuse',
    'the error in an answer is not negated',
    inDevice('fs', { answer: withHeader((view) => view.setInt32(4, -view.getInt32(4, true), true)) }),
  ),
  'fs-hiprio-pauses-behind-requests': deviceFault(
    'fs/hiprio-not-paused',
    'behind each request the queue of high priority is left alone for a while',
    inDevice('fs', { hiprioPause: 20_000 }),
  ),
  'fs-forget-answered': deviceFault(
    'fs/forget-has-no-answer',
    'FUSE_FORGET is answered',
    inDevice('fs', { answersAll: () => true }),
  ),
  'fs-flawed-request-aborts': deviceFault(
    'fs/flawed-request-survived',
    'it aborts at a request whose lengths do not fit',
    inDevice('fs', {
      flawed: () => {
        throw new BrokenDown('abort');
      },
    }),
  ),
} as const satisfies Record<string, DeviceFault>;
