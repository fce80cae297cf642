import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import {
  MAC_SIZE,
  VIRTIO_NET_CTRL_RX_ALLMULTI,
  VIRTIO_NET_CTRL_RX_ALLUNI,
  VIRTIO_NET_CTRL_RX_NOBCAST,
  VIRTIO_NET_CTRL_RX_NOMULTI,
  VIRTIO_NET_CTRL_RX_NOUNI,
  VIRTIO_NET_CTRL_RX_PROMISC,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_RX_EXTRA,
  VIRTIO_NET_F_CTRL_VLAN,
} from '../../devices/net-layout.ts';

/** What a driver told of the frames that it wants to receive, as far as it is known (virtio 5.1.9.5.1 to 5.1.9.5.3). */
export interface KnownFilter {
  /** By the number of the command that switches them; a mode of which nothing was told may be on or off. */
  readonly modes: ReadonlyMap<number, boolean>;
  /** The address of the device; undefined where it was neither read nor set. */
  readonly own: string | undefined;
  readonly table: ReadonlySet<string>;
  /** VLANs of which something was told. */
  readonly vlans: ReadonlyMap<number, boolean>;
}

/** Virtio 5.1.6.5.2: behind a reset the table of addresses is empty. What else a device begins with is not stated. */
export const filterBehindReset: KnownFilter = {
  modes: new Map(),
  own: undefined,
  table: new Set(),
  vlans: new Map(),
};

/** Whether a frame is received, and the rule that says so. */
export interface FilterVerdict {
  readonly isReceived: boolean;
  readonly requirement: RequirementSlug;
}

/** Commands that CTRL_RX_EXTRA adds: without it nothing is in these modes. */
export const extraModes: ReadonlySet<number> = new Set([
  VIRTIO_NET_CTRL_RX_ALLUNI,
  VIRTIO_NET_CTRL_RX_NOMULTI,
  VIRTIO_NET_CTRL_RX_NOUNI,
  VIRTIO_NET_CTRL_RX_NOBCAST,
]);

type Kind = 'unicast' | 'multicast' | 'broadcast';

/** The mode in which all frames of a kind are received, and that in which none is. */
const modesOf: Readonly<
  Record<Kind, { readonly all: number | undefined; readonly none: number; readonly names: Readonly<Names> }>
> = {
  unicast: {
    all: VIRTIO_NET_CTRL_RX_ALLUNI,
    none: VIRTIO_NET_CTRL_RX_NOUNI,
    names: {
      all: 'net/all-unicast-delivers-unicast',
      none: 'net/no-unicast-stops-unicast',
      noneBesideAll: 'net/no-unicast-overrides-all-unicast',
    },
  },
  multicast: {
    all: VIRTIO_NET_CTRL_RX_ALLMULTI,
    none: VIRTIO_NET_CTRL_RX_NOMULTI,
    names: {
      all: 'net/all-multicast-delivers-multicast',
      none: 'net/no-multicast-stops-multicast',
      noneBesideAll: 'net/no-multicast-overrides-all-multicast',
    },
  },
  broadcast: {
    all: undefined,
    none: VIRTIO_NET_CTRL_RX_NOBCAST,
    names: {
      all: 'net/no-multicast-spares-broadcast',
      none: 'net/no-broadcast-stops-broadcast',
      noneBesideAll: 'net/no-broadcast-overrides-all-multicast',
    },
  },
};

interface Names {
  all: RequirementSlug;
  none: RequirementSlug;
  noneBesideAll: RequirementSlug;
}

const typeAt = 2 * MAC_SIZE;
const broadcast = new Array(MAC_SIZE).fill(0xff).join();
/** Virtio 5.1.9.5.3: the number of a VLAN has 12 bits; the tag of 802.1Q has priorities beside it. */
const vlanBits = 0xfff;

/**
 * What becomes of a frame that arrives; undefined where it is open.
 * @param features accepted ones.
 */
export function verdictOf(filter: KnownFilter, frame: Uint8Array, features: bigint): FilterVerdict | undefined {
  const hasModes = (features & VIRTIO_NET_F_CTRL_RX) !== 0n;
  const isOn = (mode: number): boolean | undefined => {
    const isThere = extraModes.has(mode) ? (features & VIRTIO_NET_F_CTRL_RX_EXTRA) !== 0n : true;
    return hasModes && isThere ? filter.modes.get(mode) : false;
  };
  const isListed = vlanVerdict(filter, frame, features);
  const isPromiscuous = isOn(VIRTIO_NET_CTRL_RX_PROMISC);
  const to = frame.subarray(0, MAC_SIZE).join();
  const kind = to === broadcast ? 'broadcast' : ((frame[0] ?? 0) & 1) !== 0 ? 'multicast' : 'unicast';
  const { all, none, names } = modesOf[kind];
  const isAll = all === undefined ? true : isOn(all);
  const isNone = isOn(none);
  if (isPromiscuous === undefined) return undefined;
  if (isPromiscuous) {
    // Whether a VLAN outside the table counts then is not stated.
    if (isListed !== true) return undefined;
    const isBeside = isNone !== false || filter.modes.get(VIRTIO_NET_CTRL_RX_ALLMULTI) === true;
    const requirement = isBeside ? 'net/promiscuous-overrides-other-modes' : 'net/promiscuous-delivers-everything';
    return { isReceived: true, requirement };
  }
  if (isListed === false) return { isReceived: false, requirement: 'net/other-vlan-packets-dropped' };
  if (isListed === undefined || isNone === undefined) return undefined;
  if (isNone) return { isReceived: false, requirement: besideAll(filter, kind, isAll) };
  if (!hasModes) {
    const isTagged = vlanOf(frame) !== undefined && (features & VIRTIO_NET_F_CTRL_VLAN) !== 0n;
    const requirement = isTagged ? 'net/vlan-table-packets-accepted' : 'net/frames-arrive-intact';
    return { isReceived: true, requirement };
  }
  if (isAll === true) return { isReceived: true, requirement: names.all };
  if (filter.table.has(to)) return { isReceived: true, requirement: 'net/mac-table-applies-before-used' };
  const isOwn = filter.own === undefined ? undefined : filter.own === to;
  if (isOwn === true) return { isReceived: true, requirement: 'net/frames-arrive-intact' };
  if (isAll === undefined || (kind === 'unicast' && isOwn === undefined)) return undefined;
  return { isReceived: false, requirement: 'net/other-mac-addresses-dropped' };
}

/** Suppression wins over the mode in which all frames of the kind are received, or all to groups. */
function besideAll({ modes }: KnownFilter, kind: Kind, isAll: boolean | undefined): RequirementSlug {
  const { names } = modesOf[kind];
  const isBeside = kind === 'broadcast' ? modes.get(VIRTIO_NET_CTRL_RX_ALLMULTI) === true : isAll === true;
  return isBeside ? names.noneBesideAll : names.none;
}

/** Whether a frame is in a VLAN that is received, or in none. */
function vlanVerdict({ vlans }: KnownFilter, frame: Uint8Array, features: bigint): boolean | undefined {
  const vlan = vlanOf(frame);
  return vlan === undefined || (features & VIRTIO_NET_F_CTRL_VLAN) === 0n ? true : vlans.get(vlan);
}

function vlanOf(frame: Uint8Array): number | undefined {
  const word = (at: number): number => ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
  return word(typeAt) === 0x8100 ? word(typeAt + 2) & vlanBits : undefined;
}
