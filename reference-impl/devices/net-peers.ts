import { arpReply, askedBy } from './arp.ts';
import type { NetRules } from './net-rules.ts';

const peerMac = [2, 0, 0, 0, 0, 1];

/** What is behind the reference as a network device: its rules, with what becomes of a frame that was sent. */
export const netPeers = {
  /** Every frame comes back. */
  loopback: (rules: NetRules): NetRules => rules,
  /** No frame comes back. */
  silent: (rules: NetRules): NetRules => ({ ...rules, reflect: () => [] }),
  /** A station that answers ARP requests for any address, and nothing else. */
  station: (rules: NetRules): NetRules => ({
    ...rules,
    reflect: (frame) => {
      const asked = askedBy(frame);
      return asked === undefined ? [] : [arpReply({ mac: peerMac, ip: asked.ip }, asked.from)];
    },
  }),
} as const;

export type NetPeer = keyof typeof netPeers;
export const netPeerNames = Object.keys(netPeers) as readonly NetPeer[];
export const isNetPeer = (name: string): name is NetPeer => Object.hasOwn(netPeers, name);
