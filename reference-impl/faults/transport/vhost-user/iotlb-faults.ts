import { u64Bytes } from '../../../vhost-user/reply-payloads.ts';
import { VHOST_USER_NEED_REPLY_MASK } from '../../../wire/vhost-user-constants.ts';
import { requestId } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { inTable, vhostUserFault } from './vhost-user-fault.ts';

const iotlbMessage = requestId.VHOST_USER_IOTLB_MSG;

/** Translations of I/O-virtual addresses. */
export const iotlbFaults = {
  'iotlb-message-unanswered': vhostUserFault(
    'vu-iotlb/update-and-invalidate-answered',
    'IOTLB messages have no answer',
    inTable('reply', { leaving: (message) => (message.request === iotlbMessage ? [] : [message]) }),
  ),
  'iotlb-message-answered-at-need-reply-alone': vhostUserFault(
    'vu-iotlb/update-and-invalidate-answered',
    'IOTLB messages without need_reply have no answer',
    inTable('reply', {
      leaving: (message, flags) =>
        message.request === iotlbMessage && (flags & VHOST_USER_NEED_REPLY_MASK) === 0 ? [] : [message],
    }),
  ),
  'iotlb-success-answered-with-one': vhostUserFault(
    'vu-iotlb/answer-zero-on-success',
    'IOTLB messages are answered with 1',
    inTable('reply', {
      leaving: (message) => (message.request === iotlbMessage ? [{ ...message, payload: u64Bytes(1n) }] : [message]),
    }),
  ),
  'iotlb-update-outside-memory-accepted': vhostUserFault(
    'vu-iotlb/update-outside-memory-refused',
    'an entry may lead anywhere',
    inTable('iotlb', { acceptsUpdate: () => true }),
  ),
  'iotlb-miss-not-reported': vhostUserFault(
    'vu-iotlb/missing-translation-reported',
    'nothing is said of a buffer that has no translation',
    inTable('iotlb', { reported: (kind, fault) => (kind === 'miss' ? [] : [fault]) }),
  ),
  'iotlb-miss-reported-once-alone': vhostUserFault(
    'vu-iotlb/missing-translation-reported',
    'nothing is said of an address that was asked for before, whatever became of its translation',
    inTable('iotlb', () => {
      const told = new Set<bigint>();
      return {
        reported: (_, fault) => {
          if (told.has(fault.ioVirtualAddress)) return [];
          told.add(fault.ioVirtualAddress);
          return [fault];
        },
      };
    }),
  ),
  'iotlb-miss-of-ring-not-reported': vhostUserFault(
    'vu-iotlb/missing-translation-reported',
    'nothing is said of a first translation that is missing',
    inTable('iotlb', { reported: (kind, fault) => (kind === 'miss' && fault.access === 'read' ? [] : [fault]) }),
  ),
  'iotlb-miss-asks-to-read-only': vhostUserFault(
    'vu-iotlb/missing-translation-reported',
    'a miss asks for the permission to read, also of a buffer to be written',
    inTable('iotlb', { reported: (_, fault) => [{ ...fault, access: 'read' }] }),
  ),
  'iotlb-update-resumes-nothing': vhostUserFault(
    'vu-iotlb/update-lets-request-continue',
    'what waits for a translation waits on behind the update',
    inTable('iotlb', { resumes: false }),
  ),
  'iotlb-update-starts-no-ring': vhostUserFault(
    'vu-iotlb/update-lets-request-continue',
    'a ring that waits for the translation of its addresses waits on behind the update',
    inTable('iotlb', { startsRings: false }),
  ),
  'iotlb-invalidation-ignored': vhostUserFault(
    'vu-iotlb/invalidated-range-not-accessed',
    'an invalidation drops nothing',
    inTable('iotlb', { invalidates: false }),
  ),
  'iotlb-read-only-written': vhostUserFault(
    'vu-iotlb/permissions-enforced',
    'what may only be read is written, too',
    inTable('iotlb', {
      stored: (entry) => (entry.permission === 'read' ? { ...entry, permission: 'read-write' } : entry),
    }),
  ),
  'iotlb-no-access-taken-as-any': vhostUserFault(
    'vu-iotlb/permissions-enforced',
    'what may neither be read nor written is both',
    inTable('iotlb', {
      stored: (entry) => (entry.permission === 'none' ? { ...entry, permission: 'read-write' } : entry),
    }),
  ),
  'iotlb-write-only-read': vhostUserFault(
    'vu-iotlb/permissions-enforced',
    'what may only be written is read, too',
    inTable('iotlb', {
      stored: (entry) => (entry.permission === 'write' ? { ...entry, permission: 'read-write' } : entry),
    }),
  ),
  'iotlb-forbidden-access-not-reported': vhostUserFault(
    'vu-iotlb/forbidden-access-reported',
    'nothing is said of an access that its translation does not permit',
    inTable('iotlb', { reported: (kind, fault) => (kind === 'access-fail' ? [] : [fault]) }),
  ),
  'iotlb-ring-addresses-taken-as-user-addresses': vhostUserFault(
    'vu-vring/ring-addresses-are-iovas-with-access-platform',
    'addresses of rings are taken as user addresses in any case',
    inTable('iotlb', { ringSpace: 'user' }),
  ),
  'iotlb-buffers-looked-up-by-guest-address': vhostUserFault(
    'vu-memory/guest-addresses-unused-with-access-platform',
    'addresses of buffers are taken as guest-physical ones in any case',
    inTable('iotlb', { bufferSpace: 'guest-physical' }),
  ),
} as const satisfies Record<string, VhostUserFault>;
