import type { DeviceFault } from '../fault.ts';
import { deviceFault, inBlock, inNet } from './device-fault.ts';

/** Data that are written once they were told as written. */
export const orderFaults = {
  'block-data-behind-used-element': deviceFault(
    'split/used-len-bytes-written',
    'data and status of a read of more than one sector are written once its used element is visible',
    inBlock({
      inOrder: (chain, carryOut, tell) => {
        const acts = [carryOut, tell];
        for (const act of chain.writableLength <= 513 ? acts : acts.reverse()) act();
      },
    }),
  ),
  'net-packet-behind-used-element': deviceFault(
    'split/used-len-bytes-written',
    'a packet of more than 1000 bytes is written once its used elements are visible',
    inNet({
      inOrder: (packet, write, tell) => {
        const acts = [write, tell];
        for (const act of packet.length <= 1000 ? acts : acts.reverse()) act();
      },
    }),
  ),
} as const satisfies Record<string, DeviceFault>;
