import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inDevice } from './device-fault.ts';

/** What the entropy device places in buffers. */
export const entropyFaults = {
  'entropy-places-nothing': deviceFault(
    'entropy/at-least-one-byte-placed',
    'buffers of fewer than four bytes are used and left empty',
    inDevice('entropy', { placed: (writable) => (writable < 4 ? 0 : Math.min(writable, 4096)) }),
  ),
  'entropy-tells-less': deviceFault(
    'entropy/used-len-counts-bytes-placed',
    'a buffer of more than 1024 bytes is filled further than is told',
    inDevice('entropy', { told: (written) => Math.min(written, 1024) }),
  ),
  'entropy-tells-more': deviceFault(
    'split/used-len-bytes-written',
    'a buffer of 20 bytes or fewer is told as 513 bytes',
    inDevice('entropy', { told: (written) => (written <= 20 ? 513 : written) }),
  ),
  'entropy-repeats-itself': deviceFault(
    'entropy/bytes-do-not-repeat',
    'buffers are all filled with the same bytes',
    inDevice('entropy', { drawn: (bytes) => bytes.map((_, at) => (at * 37) & 0xff) }),
  ),
  'entropy-all-bytes-alike': deviceFault(
    'entropy/bytes-do-not-repeat',
    'a buffer is filled with one random byte over and over',
    inDevice('entropy', { drawn: (bytes) => bytes.slice().fill(bytes[0] ?? 0) }),
  ),
  'entropy-readable-buffer-crashes': deviceFault(
    'entropy/readable-buffer-survived',
    'it aborts at a buffer that is to be read',
    inDevice('entropy', {
      readable: (bytes) => {
        if (bytes > 0) throw new BrokenDown('abort');
      },
    }),
  ),
} as const satisfies Record<string, DeviceFault>;
