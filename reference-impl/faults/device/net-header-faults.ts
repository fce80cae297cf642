import { netRules as right } from '../../devices/net-rules.ts';
import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inNet } from './device-fault.ts';

const NEEDS_CSUM = 1;
const fieldOf = (header: Uint8Array, at: number): number => (header[at] ?? 0) | ((header[at + 1] ?? 0) << 8);
const checksumAt = (header: Uint8Array): number => fieldOf(header, 6) + fieldOf(header, 8);
const asks = (header: Uint8Array): boolean => ((header[0] ?? 0) & NEEDS_CSUM) !== 0;

/** What a device makes of headers that ask for work on a packet. */
export const netHeaderFaults = {
  'net-checksum-behind-packet-crashes': deviceFault(
    'net/tx-bad-header-survived',
    'it aborts at a checksum that would lie behind the packet',
    inNet({
      sent: (header, frame, features) => {
        if (asks(header) && checksumAt(header) + 2 > frame.length) throw new BrokenDown('abort');
        return right.sent(header, frame, features);
      },
    }),
  ),
  'net-gso-of-size-zero-hangs': deviceFault(
    'net/tx-bad-header-survived',
    'it hangs at a gso_type with a gso_size of 0',
    inNet({
      sent: (header, frame, features) => {
        if ((header[1] ?? 0) !== 0 && fieldOf(header, 4) === 0) throw new BrokenDown('hang');
        return right.sent(header, frame, features);
      },
    }),
  ),
  'net-offload-of-tiny-frame-crashes': deviceFault(
    'net/tx-bad-header-survived',
    'it aborts at NEEDS_CSUM, or a gso_type, on a frame of less than 34 bytes',
    inNet({
      sent: (header, frame, features) => {
        if (frame.length < 34 && (asks(header) || header[1] !== 0)) throw new BrokenDown('abort');
        return right.sent(header, frame, features);
      },
    }),
  ),
  'net-checksum-behind-packet-lengthens-it': deviceFault(
    'net/tx-bad-header-leaks-nothing',
    'a packet whose checksum would lie behind it goes out as far as that, with what memory held',
    inNet({
      sent: (header, frame, features) => {
        const end = checksumAt(header) + 2;
        if (!asks(header) || end <= frame.length || end > 4096) return right.sent(header, frame, features);
        const longer = new Uint8Array(end).fill(0xd7);
        longer.set(frame);
        return longer;
      },
    }),
  ),
  'net-checksum-not-completed': deviceFault(
    'net/tx-partial-checksum-completed',
    'a checksum that was left to the device stays as it is',
    inNet({ sent: (_, frame) => frame }),
  ),
  'net-checksum-from-start-of-frame': deviceFault(
    'net/tx-partial-checksum-completed',
    'a checksum is made from two bytes behind csum_start on',
    inNet({
      sent: (header, frame, features) => {
        const moved = header.slice();
        if (asks(header)) {
          moved[6] = (moved[6] ?? 0) + 2;
          moved[8] = (moved[8] ?? 0) - 2;
        }
        return right.sent(moved, frame, features);
      },
    }),
  ),
  'net-checksum-zero-of-udp': deviceFault(
    'net/tx-partial-checksum-completed',
    'a checksum of 0 goes out as 0, which tells of a datagram without one',
    inNet({
      sent: (header, frame, features) => {
        const sent = right.sent(header, frame, features);
        const at = checksumAt(header);
        return asks(header) && sent[at] === 0xff && sent[at + 1] === 0xff ? sent.slice().fill(0, at, at + 2) : sent;
      },
    }),
  ),
  'net-checksum-carries-too-early': deviceFault(
    'net/tx-partial-checksum-completed',
    'a carry is added where the sum of the first two words is 0xffff',
    inNet({
      sent: (header, frame, features) => {
        const sent = right.sent(header, frame, features);
        const start = (header[6] ?? 0) | ((header[7] ?? 0) << 8);
        const word = (at: number): number => ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
        if (!asks(header) || word(start) + word(start + 2) !== 0xffff) return sent;
        return sent.map((byte, at) => (at === checksumAt(header) + 1 ? byte - 1 : byte));
      },
    }),
  ),
} as const satisfies Record<string, DeviceFault>;
