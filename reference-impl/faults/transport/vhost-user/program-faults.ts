import type { VhostUserFault } from '../../fault.ts';
import { inTable, vhostUserFault } from './vhost-user-fault.ts';

/** Backend program conventions. */
export const programFaults = {
  'program-daemonizes': vhostUserFault(
    'vu-program/program-stays-in-foreground',
    'the program leaves another process behind and exits',
    inTable('program', { staysInForeground: false }),
  ),
  'program-ignores-sigterm': vhostUserFault(
    'vu-program/sigterm-ends-program-cleanly',
    'SIGTERM has no effect',
    inTable('program', { endsAtSigterm: false }),
  ),
  'program-binds-another-path': vhostUserFault(
    'vu-program/socket-path-and-fd-options',
    'the path of --socket-path is bound with a suffix',
    inTable('program', { boundPath: (path) => `${path}.0` }),
  ),
  'program-refuses-descriptor': vhostUserFault(
    'vu-program/socket-path-and-fd-options',
    'there is no --fd',
    inTable('program', { takesDescriptor: false }),
  ),
  'program-prints-no-json': vhostUserFault(
    'vu-program/print-capabilities-prints-json',
    '--print-capabilities prints the type as it is',
    inTable('program', { capabilities: (type) => `${type}\n` }),
  ),
  'program-fails-behind-capabilities': vhostUserFault(
    'vu-program/print-capabilities-prints-json',
    'the status behind --print-capabilities is 1',
    inTable('program', { capabilitiesStatus: 1 }),
  ),
  'program-fails-with-success': vhostUserFault(
    'vu-program/unmet-feature-option-exits-non-zero',
    'a program that cannot bind its socket exits with 0',
    inTable('program', { statusAtFailure: 0 }),
  ),
} as const satisfies Record<string, VhostUserFault>;
