import { netRules as right } from '../devices/net-rules.ts';
import { type Fault, fault, inNet } from './fault.ts';

/** Frames of the network device. */
export const netFaults = {
  'net-num-buffers-zero': fault(
    'net/num-buffers-one-without-mergeable',
    'num_buffers of a received packet is 0',
    inNet({ receiveHeader: (_, size) => right.receiveHeader(0, size) }),
  ),
  'net-num-buffers-always-one': fault(
    'net/num-buffers-counts-buffers',
    'num_buffers is 1 however many buffers a packet takes',
    inNet({ receiveHeader: (_, size) => right.receiveHeader(1, size) }),
  ),
  'net-merged-buffers-half-filled': fault(
    'net/all-but-last-buffer-filled',
    'only half of a receive buffer is used',
    inNet({ usableLength: (offered) => (offered > 256 ? offered : Math.ceil(offered / 2)) }),
  ),
  'net-receive-flags-set': fault(
    'net/rx-flags-zero-without-guest-csum',
    'received packets carry DATA_VALID',
    inNet({
      receiveHeader: (buffers, size) => {
        const header = right.receiveHeader(buffers, size);
        header[0] = 2;
        return header;
      },
    }),
  ),
  'net-receive-gso-set': fault(
    'net/rx-gso-none-without-features',
    'received packets carry a gso_type',
    inNet({
      receiveHeader: (buffers, size) => {
        const header = right.receiveHeader(buffers, size);
        header[1] = 1;
        return header;
      },
    }),
  ),
  'net-frame-cut-short': fault(
    'net/packets-within-mtu-forwarded-whole',
    'frames of more than 1000 bytes lose their last byte',
    inNet({ reflect: (frame) => [frame.length > 1000 ? frame.subarray(0, frame.length - 1) : frame] }),
  ),
  'net-used-len-without-header': fault(
    'split/used-len-counts-written-bytes',
    'the header is left out of the bytes told as written in a receive buffer',
    inNet({ received: (written) => Math.max(0, written - 12) }),
  ),
} as const satisfies Record<string, Fault>;
