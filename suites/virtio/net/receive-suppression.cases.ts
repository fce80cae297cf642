import type { RequirementSlug } from '../../../reference-impl/catalogue/catalogue.ts';
import { type AnyCase, defineCase, type Proves } from '../../case.ts';
import type { ReceiveMode } from './control-queue.ts';
import { type Destination, destinationText, extraFeatures, filterApplies, ReceiveFilter } from './receive-filter.ts';

/** Kinds of packets that are kept from the driver (virtio 5.1.9.5.1, CTRL_RX_EXTRA). All of it is best effort. */

interface Suppression {
  readonly id: string;
  readonly title: string;
  readonly requirement: RequirementSlug;
  readonly fault: string;
  readonly mode: ReceiveMode;
  /** What is not received with the mode on, and is without it. */
  readonly to: Destination;
  /** What is received in either case. */
  readonly openFor: Destination;
  /** What has it received without the mode. */
  readonly open: (filter: ReceiveFilter) => void;
}

function suppresses(suppression: Suppression): AnyCase {
  const { id, title, requirement, fault, mode, to, openFor, open } = suppression;
  return defineCase({
    id,
    title,
    proves: { [requirement]: fault } as Proves,
    applies: { ...filterApplies, negotiate: extraFeatures },
    run(context) {
      const check = context.requirement(requirement);
      const filter = new ReceiveFilter(context, check);
      filter.switches('PROMISC', false);
      open(filter);
      filter.presumes(to, openFor, `with ${mode} off`);
      filter.switches(mode, true);
      check.equal(
        filter.receives(to, openFor),
        false,
        `whether a packet ${destinationText[to]} is received with ${mode} on`,
      );
    },
  });
}

export const noMulticast = suppresses({
  id: 'virtio/net/suppressed-multicast-is-not-received',
  title: 'with NOMULTI on packets to a group are not received that the table has',
  requirement: 'net/no-multicast-stops-multicast',
  fault: 'net-no-multicast-spares-table',
  mode: 'NOMULTI',
  to: 'group',
  openFor: 'own',
  open: (filter) => filter.lists('group'),
});

export const noMulticastOverrides = suppresses({
  id: 'virtio/net/suppressed-multicast-beats-all-multicast',
  title: 'with NOMULTI on packets to a group are not received though ALLMULTI is on',
  requirement: 'net/no-multicast-overrides-all-multicast',
  fault: 'net-all-multicast-beats-no-multicast',
  mode: 'NOMULTI',
  to: 'group',
  openFor: 'own',
  open: (filter) => filter.switches('ALLMULTI', true),
});

export const noUnicast = suppresses({
  id: 'virtio/net/suppressed-unicast-is-not-received',
  title: 'with NOUNI on packets to the address of the device are not received',
  requirement: 'net/no-unicast-stops-unicast',
  fault: 'net-no-unicast-spares-own-address',
  mode: 'NOUNI',
  to: 'own',
  openFor: 'broadcast',
  open: () => {},
});

export const noUnicastOverrides = suppresses({
  id: 'virtio/net/suppressed-unicast-beats-all-unicast',
  title: 'with NOUNI on packets to another station are not received though ALLUNI is on',
  requirement: 'net/no-unicast-overrides-all-unicast',
  fault: 'net-all-unicast-beats-no-unicast',
  mode: 'NOUNI',
  to: 'other',
  openFor: 'broadcast',
  open: (filter) => filter.switches('ALLUNI', true),
});

export const noBroadcast = suppresses({
  id: 'virtio/net/suppressed-broadcast-is-not-received',
  title: 'with NOBCAST on packets to all stations are not received',
  requirement: 'net/no-broadcast-stops-broadcast',
  fault: 'net-no-broadcast-has-no-effect',
  mode: 'NOBCAST',
  to: 'broadcast',
  openFor: 'own',
  open: () => {},
});

export const noBroadcastOverrides = suppresses({
  id: 'virtio/net/suppressed-broadcast-beats-all-multicast',
  title: 'with NOBCAST on packets to all stations are not received though ALLMULTI is on',
  requirement: 'net/no-broadcast-overrides-all-multicast',
  fault: 'net-all-multicast-beats-no-broadcast',
  mode: 'NOBCAST',
  to: 'broadcast',
  openFor: 'own',
  open: (filter) => filter.switches('ALLMULTI', true),
});

export const sparesBroadcast = defineCase({
  id: 'virtio/net/suppressed-multicast-spares-broadcast',
  title: 'with NOMULTI on packets to all stations are received as before',
  proves: {
    'net/no-multicast-spares-broadcast': ['net-no-multicast-stops-broadcast', 'net-no-multicast-stops-everything'],
  },
  applies: { ...filterApplies, negotiate: extraFeatures },
  run(context) {
    const check = context.requirement('net/no-multicast-spares-broadcast');
    const filter = new ReceiveFilter(context, check);
    filter.switches('PROMISC', false);
    filter.presumes('broadcast', 'own', 'with NOMULTI off');
    filter.switches('NOMULTI', true);
    check.equal(
      filter.delivers('broadcast', 'own', () => filter.switches('NOMULTI', false)),
      true,
      `whether a packet ${destinationText.broadcast} is received with NOMULTI on`,
    );
  },
});
