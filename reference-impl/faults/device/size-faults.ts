import type { DeviceFault } from '../fault.ts';
import { deviceFault, inNet } from './device-fault.ts';

/** Sizes beyond what a field or a table of a device holds. */
export const sizeFaults = {
  'net-receive-room-in-16-bits': deviceFault(
    'net/any-receive-room-serves',
    'the room of a receive buffer is counted in 16 bits',
    inNet({ usableLength: (offered) => offered & 0xffff }),
  ),
  'net-packet-over-64-buffers-lost': deviceFault(
    'net/num-buffers-counts-buffers',
    'a packet that 64 buffers do not hold is dropped',
    inNet({ reflect: (frame) => (frame.length > 1100 ? [] : [frame]) }),
  ),
  'net-packet-larger-than-ring-waits': deviceFault(
    'net/packet-larger-than-ring-survived',
    'a packet that the whole receive ring does not hold waits for ever, and all behind it',
    inNet({ isTooLarge: () => false }),
  ),
} as const satisfies Record<string, DeviceFault>;
