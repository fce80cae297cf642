import { refused } from '../../../vhost-user/handled.ts';
import type { VhostUserFault } from '../../fault.ts';
import { handling, inTable, vhostUserFault } from './vhost-user-fault.ts';

/** Memory that arrives while it is in use. */
export const postcopyFaults = {
  'advise-without-descriptor': vhostUserFault(
    'vu-postcopy/advise-returns-userfaultfd',
    'POSTCOPY_ADVISE is answered without a descriptor',
    inTable('postcopy', { handsOver: 'nothing' }),
  ),
  'advise-with-other-descriptor': vhostUserFault(
    'vu-postcopy/advise-returns-userfaultfd',
    'POSTCOPY_ADVISE is answered with the descriptor of a memory file',
    inTable('postcopy', { handsOver: 'memory-file' }),
  ),
  'postcopy-memory-not-registered': vhostUserFault(
    'vu-postcopy/listen-registers-memory',
    'memory is not registered with the userfaultfd: a page that is missing reads as zeros',
    inTable('postcopy', { registers: () => false }),
  ),
  'postcopy-listen-refused': vhostUserFault(
    'vu-postcopy/listen-registers-memory',
    'POSTCOPY_LISTEN is refused behind POSTCOPY_ADVISE, too',
    handling('VHOST_USER_POSTCOPY_LISTEN', () => refused('no postcopy')),
  ),
  'postcopy-bases-as-told': vhostUserFault(
    'vu-postcopy/mem-table-returns-mapped-bases',
    'the reply to a memory table in postcopy has the user addresses that came with it',
    inTable('postcopy', { told: (region) => region }),
  ),
  'postcopy-bases-without-offset': vhostUserFault(
    'vu-postcopy/mem-table-returns-mapped-bases',
    'the reply to a memory table in postcopy says where the files of regions begin',
    inTable('postcopy', {
      told: (region, address) => ({ ...region, userAddress: address - region.mmapOffset }),
    }),
  ),
  'postcopy-memory-touched-early': vhostUserFault(
    'vu-postcopy/regions-untouched-before-acknowledgement',
    'the first byte of each region is read before the reply to the memory table is acknowledged',
    inTable('postcopy', { waitsForAcknowledgement: false }),
  ),
  'postcopy-table-stops-rings': vhostUserFault(
    'vu-postcopy/second-table-refused-or-followed',
    'a memory table in postcopy stops every ring',
    handling('VHOST_USER_SET_MEM_TABLE', (right, session) => {
      if (session.postcopy.isListening) session.rings.stopAll();
      return right();
    }),
  ),
  'postcopy-end-keeps-userfaultfd': vhostUserFault(
    'vu-postcopy/end-drops-userfaultfd',
    'accesses to missing pages wait behind POSTCOPY_END as before',
    inTable('postcopy', { dropsAtEnd: false }),
  ),
  'postcopy-end-fails': vhostUserFault(
    'vu-postcopy/end-drops-userfaultfd',
    'POSTCOPY_END is answered with 1',
    inTable('postcopy', { endAnswer: 1n }),
  ),
} as const satisfies Record<string, VhostUserFault>;
