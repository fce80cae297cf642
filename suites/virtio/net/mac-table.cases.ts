import { defineCase } from '../../case.ts';
import { destinationText, filterApplies, filterFeatures, ReceiveFilter } from './receive-filter.ts';

/** The table of MAC addresses that are received (virtio 5.1.9.5.2). What it does not have may come all the same. */

export const otherAddresses = defineCase({
  id: 'virtio/net/packets-to-other-addresses-are-dropped',
  title: 'packets to another station or a group are received while the table has the address, and not without it',
  proves: {
    'net/other-mac-addresses-dropped': [
      'net-other-unicast-addresses-received',
      'net-other-multicast-addresses-received',
    ],
  },
  applies: { ...filterApplies, negotiate: filterFeatures },
  variants: { to: ['other', 'group'] },
  run(context) {
    const { to } = context.variant;
    const check = context.requirement('net/other-mac-addresses-dropped');
    const filter = new ReceiveFilter(context, check);
    filter.switches('PROMISC', false);
    filter.lists(to);
    filter.presumes(to, 'own', 'while the table has its address');
    filter.lists();
    const what = `whether a packet ${destinationText[to]} is received that the table does not have`;
    check.equal(filter.receives(to, 'own'), false, what);
  },
});

export const appliesAtOnce = defineCase({
  id: 'virtio/net/mac-table-applies-once-its-command-is-used',
  title: 'once a command for a table is used packets are received as that table says, and no more as the one before',
  proves: { 'net/mac-table-applies-before-used': ['net-mac-table-one-command-late', 'net-mac-table-grows'] },
  applies: { ...filterApplies, negotiate: filterFeatures },
  run(context) {
    const check = context.requirement('net/mac-table-applies-before-used');
    const filter = new ReceiveFilter(context, check);
    filter.switches('PROMISC', true);
    filter.presumes('other', 'own', 'in promiscuous mode');
    filter.switches('PROMISC', false);
    filter.lists('second');
    // A device may tell addresses apart by a hash, and let one pass for the other.
    const isToldApart = !filter.receives('other', 'own');
    filter.lists('other');
    const isReceived = filter.receives('other', 'own');
    if (!isReceived) {
      // No text says that it must be received: only a table that comes later shows that it was not there before.
      filter.lists('other');
      filter.presumes('other', 'own', 'once the table with its address was set a second time');
    }
    check.equal(isReceived, true, 'whether a packet to a station is received once the table has it');
    if (!isToldApart) return;
    filter.lists('second');
    const what = 'whether a packet to a station is received once the table has another one in its place';
    check.equal(filter.receives('other', 'own'), false, what);
  },
});

export const emptyAfterReset = defineCase({
  id: 'virtio/net/mac-table-is-empty-after-reset',
  title: 'packets that the table before a reset let through are dropped behind it, as with an empty table',
  proves: { 'net/mac-table-empty-after-reset': 'net-mac-table-outlives-reset' },
  applies: { ...filterApplies, start: 'closed', negotiate: filterFeatures },
  run(context) {
    const { port, guest, ring, connect, driverOf, requirement } = context;
    const check = requirement('net/mac-table-empty-after-reset');
    // A session begins with a reset.
    const opened = (): { readonly filter: ReceiveFilter; readonly end: () => void } => {
      const session = connect('negotiated');
      const filter = new ReceiveFilter({ port, session, driver: driverOf(session), ring, guest }, check);
      filter.switches('PROMISC', false);
      return { filter, end: () => session.close() };
    };
    const before = opened();
    before.filter.lists();
    const what = 'a packet to another station is dropped while the table is empty';
    check.presumes(!before.filter.receives('other', 'own'), what);
    before.filter.lists('other');
    before.filter.presumes('other', 'own', 'while the table has its address');
    before.end();
    const isReceived = opened().filter.receives('other', 'own');
    check.equal(isReceived, false, 'whether a packet to the station of the table before is received behind a reset');
  },
});
