import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import {
  type FilterDecision,
  type FilterDecisions,
  filterDecisions,
  type ReceiveMode,
} from '../../devices/net-filter.ts';
import { type FilterAction, type FilterCommandName, filterCommands } from '../../devices/net-filter-commands.ts';
import { breakingMore, type DeviceChange, type DeviceFault } from '../fault.ts';
import { deviceFault, inNet } from './device-fault.ts';

/** Commands on the receive filter of a network device, and the frames that it receives behind them. */
export const netFilterFaults = {
  'net-all-multicast-command-unknown': deviceFault(
    'net/ctrl-rx-has-its-commands',
    'VIRTIO_NET_CTRL_RX_ALLMULTI off is acknowledged with VIRTIO_NET_ERR',
    atCommand('ALLMULTI', (filter, data) => data[0] === 1 && filterCommands.ALLMULTI.carryOut(filter, data)),
  ),
  'net-promiscuous-command-unknown': breakingMore(
    'cases on the filter open it by this command',
    deviceFault(
      'net/ctrl-rx-has-its-commands',
      'VIRTIO_NET_CTRL_RX_PROMISC is acknowledged with VIRTIO_NET_ERR, and carried out',
      atCommand('PROMISC', (filter, data) => !filterCommands.PROMISC.carryOut(filter, data)),
    ),
  ),
  'net-no-broadcast-command-unknown': breakingMore(
    'cases on the filter use every mode',
    deviceFault(
      'net/ctrl-rx-extra-has-its-commands',
      'VIRTIO_NET_CTRL_RX_NOBCAST is acknowledged with VIRTIO_NET_ERR',
      atCommand('NOBCAST', () => false),
    ),
  ),
  'net-promiscuous-without-multicast': decisionFault(
    'net/promiscuous-delivers-everything',
    'promiscuous mode does not receive multicast packets',
    'promiscuous',
    (right) => (frame) => (frame.kind === 'multicast' ? undefined : right(frame)),
  ),
  'net-promiscuous-without-unicast': decisionFault(
    'net/promiscuous-delivers-everything',
    'promiscuous mode does not receive unicast packets to other stations',
    'promiscuous',
    (right) => (frame) => (frame.kind === 'unicast' ? undefined : right(frame)),
  ),
  'net-promiscuous-delivers-nothing': decisionFault(
    'net/promiscuous-delivers-everything',
    'nothing is received in promiscuous mode',
    'promiscuous',
    dropsIn('PROMISC'),
  ),
  'net-suppression-beats-promiscuous': deviceFault(
    'net/promiscuous-overrides-other-modes',
    'what is suppressed is not received in promiscuous mode',
    inNet({ filter: suppressingFirst() }),
  ),
  'net-all-multicast-ends-promiscuous': deviceFault(
    'net/promiscuous-overrides-other-modes',
    'promiscuous mode has no effect while all-multicast receive is on',
    atDecision('promiscuous', (right) => (frame) => (frame.filter.modes.has('ALLMULTI') ? undefined : right(frame))),
  ),
  'net-all-multicast-has-no-effect': decisionFault(
    'net/all-multicast-delivers-multicast',
    'all-multicast receive has no effect',
    'allMulticast',
    () => () => undefined,
  ),
  'net-all-multicast-delivers-nothing': decisionFault(
    'net/all-multicast-delivers-multicast',
    'nothing is received with all-multicast receive on',
    'promiscuous',
    dropsIn('ALLMULTI'),
  ),
  'net-all-unicast-has-no-effect': decisionFault(
    'net/all-unicast-delivers-unicast',
    'all-unicast receive has no effect',
    'allUnicast',
    () => () => undefined,
  ),
  'net-all-unicast-delivers-nothing': decisionFault(
    'net/all-unicast-delivers-unicast',
    'nothing is received with all-unicast receive on',
    'promiscuous',
    dropsIn('ALLUNI'),
  ),
  'net-no-multicast-spares-table': decisionFault(
    'net/no-multicast-stops-multicast',
    'suppressed multicast packets are received where the table has their address',
    'noMulticast',
    (right) => (frame) => (frame.filter.macTable.has(frame.destination) ? undefined : right(frame)),
  ),
  'net-all-multicast-beats-no-multicast': decisionFault(
    'net/no-multicast-overrides-all-multicast',
    'multicast packets are received while all-multicast receive is on, suppressed or not',
    'noMulticast',
    (right) => (frame) => (frame.filter.modes.has('ALLMULTI') ? undefined : right(frame)),
  ),
  'net-no-multicast-stops-broadcast': decisionFault(
    'net/no-multicast-spares-broadcast',
    'broadcast packets are suppressed with multicast packets',
    'noMulticast',
    (right) => (frame) => (frame.kind === 'broadcast' ? right({ ...frame, kind: 'multicast' }) : right(frame)),
  ),
  'net-no-multicast-stops-everything': decisionFault(
    'net/no-multicast-spares-broadcast',
    'nothing is received while multicast packets are suppressed',
    'promiscuous',
    dropsIn('NOMULTI'),
  ),
  'net-no-unicast-spares-own-address': decisionFault(
    'net/no-unicast-stops-unicast',
    'suppressed unicast packets are received where they go to the address of the device',
    'noUnicast',
    (right) => (frame) => (frame.destination === frame.ownAddress ? undefined : right(frame)),
  ),
  'net-all-unicast-beats-no-unicast': decisionFault(
    'net/no-unicast-overrides-all-unicast',
    'unicast packets are received while all-unicast receive is on, suppressed or not',
    'noUnicast',
    (right) => (frame) => (frame.filter.modes.has('ALLUNI') ? undefined : right(frame)),
  ),
  'net-no-broadcast-has-no-effect': decisionFault(
    'net/no-broadcast-stops-broadcast',
    'suppressed broadcast packets are received while all-multicast receive is off',
    'noBroadcast',
    (right) => (frame) => (frame.filter.modes.has('ALLMULTI') ? right(frame) : undefined),
  ),
  'net-all-multicast-beats-no-broadcast': decisionFault(
    'net/no-broadcast-overrides-all-multicast',
    'broadcast packets are received while all-multicast receive is on, suppressed or not',
    'noBroadcast',
    (right) => (frame) => (frame.filter.modes.has('ALLMULTI') ? undefined : right(frame)),
  ),
  'net-other-unicast-addresses-received': decisionFault(
    'net/other-mac-addresses-dropped',
    'unicast packets to addresses that the driver did not name are received while the table is empty',
    'otherAddress',
    () => (frame) => frame.kind === 'unicast' && frame.filter.macTable.size === 0,
  ),
  'net-other-multicast-addresses-received': decisionFault(
    'net/other-mac-addresses-dropped',
    'multicast packets to addresses that the driver did not name are received while the table is empty',
    'otherAddress',
    () => (frame) => frame.kind === 'multicast' && frame.filter.macTable.size === 0,
  ),
  'net-mac-table-outlives-reset': deviceFault(
    'net/mac-table-empty-after-reset',
    'the MAC filtering table is as before behind a reset',
    inNet({
      filterAfterReset: (before) => {
        before.modes.clear();
        return before;
      },
    }),
  ),
  'net-mac-table-one-command-late': deviceFault(
    'net/mac-table-applies-before-used',
    'the table of a command applies from the next such command on',
    (rules) => {
      let last = new Uint8Array(8);
      return atCommand('MAC_TABLE_SET', (filter, data) => {
        const applied = last;
        last = data.slice();
        return filterCommands.MAC_TABLE_SET.carryOut(filter, applied);
      })(rules);
    },
  ),
  'net-mac-table-grows': deviceFault(
    'net/mac-table-applies-before-used',
    'the addresses of a command are added to those that the table has',
    atCommand('MAC_TABLE_SET', (filter, data) => {
      const before = filter.macTable;
      const isSet = filterCommands.MAC_TABLE_SET.carryOut(filter, data);
      filter.macTable = new Set([...before, ...filter.macTable]);
      return isSet;
    }),
  ),
  'net-vlan-table-of-one': deviceFault(
    'net/vlan-table-packets-accepted',
    'the table of VLANs has the one that was added last, and no other',
    atCommand('VLAN_ADD', (filter, data) => {
      filter.vlans.clear();
      return filterCommands.VLAN_ADD.carryOut(filter, data);
    }),
  ),
  'net-vlan-table-stops-everything': decisionFault(
    'net/vlan-table-packets-accepted',
    'nothing is received while the table has a VLAN',
    'otherVlan',
    (right) => (frame) => (frame.filter.vlans.size > 0 ? false : right(frame)),
  ),
  'net-vlan-removed-with-all-others': deviceFault(
    'net/vlan-table-packets-accepted',
    'where one VLAN is removed from the table all are',
    atCommand('VLAN_DEL', (filter) => {
      filter.vlans.clear();
      return true;
    }),
  ),
  'net-vlan-removal-has-no-effect': deviceFault(
    'net/other-vlan-packets-dropped',
    'VLANs stay in the table',
    atCommand('VLAN_DEL', () => true),
  ),
  'net-other-vlans-received': decisionFault(
    'net/other-vlan-packets-dropped',
    'packets of a VLAN that the table does not have are received while it has another',
    'otherVlan',
    (right) => (frame) => (frame.filter.vlans.size > 0 ? undefined : right(frame)),
  ),
} as const satisfies Record<string, DeviceFault>;

/** Replaces what one command does. */
function atCommand(name: FilterCommandName, carryOut: FilterAction): DeviceChange {
  return inNet({ filterCommands: { ...filterCommands, [name]: { ...filterCommands[name], carryOut } } });
}

/** Replaces one decision of the filter. */
function atDecision(name: keyof FilterDecisions, replaced: (right: FilterDecision) => FilterDecision): DeviceChange {
  return inNet({ filter: { ...filterDecisions, [name]: replaced(filterDecisions[name]) } });
}

/** Nothing is received while a mode is on. */
function dropsIn(mode: ReceiveMode): (right: FilterDecision) => FilterDecision {
  return (right) => (frame) => (frame.filter.modes.has(mode) ? false : right(frame));
}

function decisionFault(
  requirement: RequirementSlug,
  text: string,
  name: keyof FilterDecisions,
  replaced: (right: FilterDecision) => FilterDecision,
): DeviceFault {
  return deviceFault(requirement, text, atDecision(name, replaced));
}

/** The decisions that suppress, ahead of that for promiscuous mode. */
function suppressingFirst(): FilterDecisions {
  const { promiscuous, noMulticast, noUnicast, noBroadcast, ...rest } = filterDecisions;
  return { noMulticast, noUnicast, noBroadcast, promiscuous, ...rest };
}
