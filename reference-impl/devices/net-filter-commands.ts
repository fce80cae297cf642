import { type FilterState, macTableOf, type ReceiveMode } from './net-filter.ts';
import {
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_TABLE_SET,
  VIRTIO_NET_CTRL_RX,
  VIRTIO_NET_CTRL_RX_ALLMULTI,
  VIRTIO_NET_CTRL_RX_ALLUNI,
  VIRTIO_NET_CTRL_RX_NOBCAST,
  VIRTIO_NET_CTRL_RX_NOMULTI,
  VIRTIO_NET_CTRL_RX_NOUNI,
  VIRTIO_NET_CTRL_RX_PROMISC,
  VIRTIO_NET_CTRL_VLAN,
  VIRTIO_NET_CTRL_VLAN_ADD,
  VIRTIO_NET_CTRL_VLAN_DEL,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_RX_EXTRA,
  VIRTIO_NET_F_CTRL_VLAN,
} from './net-layout.ts';

/** Commands by which a driver tells what it wants to receive (virtio 5.1.9.5.1 to 5.1.9.5.3). */

/** Carries out a command with these data; false where it cannot. */
export type FilterAction = (filter: FilterState, data: Uint8Array) => boolean;

export interface FilterCommand {
  readonly group: number;
  readonly command: number;
  /** Without it the command is not known. */
  readonly feature: bigint;
  readonly carryOut: FilterAction;
}

const ON = 1;

/** A mode is switched by one byte, 0 or 1. */
function modeCommand(mode: ReceiveMode, command: number, feature: bigint): FilterCommand {
  const carryOut: FilterAction = ({ modes }, data) => {
    const value = data[0] ?? -1;
    if (value !== 0 && value !== ON) return false;
    if (value === ON) modes.add(mode);
    else modes.delete(mode);
    return true;
  };
  return { group: VIRTIO_NET_CTRL_RX, command, feature, carryOut };
}

/** A command of the table of VLANs has the number of one, 16 bits, little-endian. */
function vlanCommand(command: number, change: (vlans: Set<number>, vlan: number) => void): FilterCommand {
  const carryOut: FilterAction = ({ vlans }, [low, high]) => {
    if (low === undefined || high === undefined) return false;
    change(vlans, low | (high << 8));
    return true;
  };
  return { group: VIRTIO_NET_CTRL_VLAN, command, feature: VIRTIO_NET_F_CTRL_VLAN, carryOut };
}

export const filterCommands = {
  PROMISC: modeCommand('PROMISC', VIRTIO_NET_CTRL_RX_PROMISC, VIRTIO_NET_F_CTRL_RX),
  ALLMULTI: modeCommand('ALLMULTI', VIRTIO_NET_CTRL_RX_ALLMULTI, VIRTIO_NET_F_CTRL_RX),
  ALLUNI: modeCommand('ALLUNI', VIRTIO_NET_CTRL_RX_ALLUNI, VIRTIO_NET_F_CTRL_RX_EXTRA),
  NOMULTI: modeCommand('NOMULTI', VIRTIO_NET_CTRL_RX_NOMULTI, VIRTIO_NET_F_CTRL_RX_EXTRA),
  NOUNI: modeCommand('NOUNI', VIRTIO_NET_CTRL_RX_NOUNI, VIRTIO_NET_F_CTRL_RX_EXTRA),
  NOBCAST: modeCommand('NOBCAST', VIRTIO_NET_CTRL_RX_NOBCAST, VIRTIO_NET_F_CTRL_RX_EXTRA),
  MAC_TABLE_SET: {
    group: VIRTIO_NET_CTRL_MAC,
    command: VIRTIO_NET_CTRL_MAC_TABLE_SET,
    feature: VIRTIO_NET_F_CTRL_RX,
    carryOut: (filter, data) => {
      const table = macTableOf(data);
      if (table !== undefined) filter.macTable = table;
      return table !== undefined;
    },
  },
  VLAN_ADD: vlanCommand(VIRTIO_NET_CTRL_VLAN_ADD, (vlans, vlan) => vlans.add(vlan)),
  VLAN_DEL: vlanCommand(VIRTIO_NET_CTRL_VLAN_DEL, (vlans, vlan) => vlans.delete(vlan)),
} as const satisfies Record<string, FilterCommand>;

export type FilterCommandName = keyof typeof filterCommands;
export type FilterCommands = Readonly<Record<FilterCommandName, FilterCommand>>;

/** The command of this class and number; undefined where there is none, or its feature was not negotiated. */
export function filterCommandOf(
  commands: FilterCommands,
  group: number,
  command: number,
  features: bigint,
): FilterCommand | undefined {
  return Object.values<FilterCommand>(commands).find(
    (one) => one.group === group && one.command === command && (features & one.feature) !== 0n,
  );
}
