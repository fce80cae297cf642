import { z } from 'zod';
import { ringFacts, ringIndex } from './ring-facts.ts';

/** What comes in on the receive ring for a frame that was transmitted. */
export const netReturns = ['same-port', 'arp-reply', 'none'] as const;

const octet = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
export const ipv4Address = z.string().regex(octet, 'an IPv4 address');

/** `queueIndex` is the transmit ring (virtio: transmitq1 is 1). */
export const netWorkload = z
  .strictObject({
    kind: z.literal('net'),
    ...ringFacts,
    /** The receive ring (receiveq1 is 0). */
    receiveIndex: ringIndex,
    /** How many pairs of rings carry frames: pair n has the rings 2n and 2n + 1. One where a target does not say. */
    pairs: z.int().min(1).max(64).exactOptional(),
    /**
     * `same-port`: the frame itself. `arp-reply`: a station behind the device answers ARP requests for `address`. `none`:
     * nothing that we could ask for.
     */
    returns: z.enum(netReturns),
    /** What happens on its way to a frame that comes back. */
    reflects: z.enum(['unchanged', 'macs-swapped']),
    address: ipv4Address.exactOptional(),
    /** It takes frames from the transmit ring only once the receive ring has buffers. */
    needsReceiveBuffers: z.boolean().exactOptional(),
    /** A frame that goes to another address than the device's own is dropped, and needs no receive buffer for that. */
    dropsForeign: z.boolean().exactOptional(),
  })
  .superRefine(({ returns, address, needsReceiveBuffers }, context) => {
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (returns === 'arp-reply' && address === undefined) wrong('address', 'is missing: whom to ask for');
    if (returns === 'same-port' && needsReceiveBuffers === true) {
      wrong('needsReceiveBuffers', 'frames that come back would land in the buffers that are there for this');
    }
  });

export type NetWorkload = z.infer<typeof netWorkload>;
