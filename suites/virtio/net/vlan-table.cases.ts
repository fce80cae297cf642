import { defineCase } from '../../case.ts';
import { framesComeBack } from './net-port.ts';
import { filterApplies, filterFeatures, ReceiveFilter } from './receive-filter.ts';

/** The table of VLANs that are received (virtio 5.1.9.5.3). What it does not have may come all the same. */

const applies = { ...filterApplies, when: [framesComeBack] } as const;
const tableFeatures = ['VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_CTRL_VLAN', 'VIRTIO_NET_F_MAC'] as const;
const vlans = [1, 100, 4094] as const;

export const accepted = defineCase({
  id: 'virtio/net/packets-of-vlans-in-the-table-are-received',
  title: 'packets of each VLAN in the table are received, and of those that are left once one was removed',
  proves: {
    'net/vlan-table-packets-accepted': [
      'net-vlan-table-of-one',
      'net-vlan-removed-with-all-others',
      'net-vlan-table-stops-everything',
    ],
  },
  applies: { ...applies, negotiate: tableFeatures },
  run(context) {
    const check = context.requirement('net/vlan-table-packets-accepted');
    const filter = new ReceiveFilter(context, check);
    for (const vlan of vlans) filter.vlan('ADD', vlan);
    const isDelivered = (vlan: number, table: readonly number[]): boolean =>
      filter.delivers({ vlan }, 'own', () => {
        for (const one of table) filter.vlan('DEL', one);
      });
    for (const vlan of vlans) {
      check.equal(isDelivered(vlan, vlans), true, `whether a packet of VLAN ${vlan} in the table is received`);
    }
    const [removed, ...left] = vlans;
    filter.vlan('DEL', removed);
    for (const vlan of left) {
      const what = `whether a packet of VLAN ${vlan} is received once VLAN ${removed} was removed`;
      check.equal(isDelivered(vlan, left), true, what);
    }
  },
});

export const dropped = defineCase({
  id: 'virtio/net/packets-of-other-vlans-are-dropped',
  title: 'packets of a VLAN are received while the table has it, and not once it was removed; those of another are not',
  proves: { 'net/other-vlan-packets-dropped': ['net-vlan-removal-has-no-effect', 'net-other-vlans-received'] },
  applies: { ...applies, negotiate: [...filterFeatures, 'VIRTIO_NET_F_CTRL_VLAN'] },
  run(context) {
    const check = context.requirement('net/other-vlan-packets-dropped');
    const filter = new ReceiveFilter(context, check);
    const [first, second] = vlans;
    filter.switches('PROMISC', false);
    for (const vlan of [first, second]) {
      filter.vlan('ADD', vlan);
      filter.presumes({ vlan }, 'own', 'while the table has its VLAN');
    }
    filter.vlan('DEL', first);
    const isReceived = filter.receives({ vlan: first }, 'own');
    check.equal(isReceived, false, `whether a packet of VLAN ${first} is received once it was removed from the table`);
  },
});
