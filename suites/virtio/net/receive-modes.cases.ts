import { VIRTIO_NET_OK } from '../../../reference-impl/devices/net-layout.ts';
import { defineCase } from '../../case.ts';
import type { ReceiveMode } from './control-queue.ts';
import { destinationText, extraFeatures, filterApplies, filterFeatures, ReceiveFilter } from './receive-filter.ts';

/** Modes in which more is received than what goes to the device (virtio 5.1.9.5.1). */

const served = (modes: readonly ReceiveMode[]) =>
  modes.flatMap((mode) => [true, false].map((isOn) => ({ mode, isOn })));

export const commands = defineCase({
  id: 'virtio/net/receive-mode-commands-are-served',
  title: 'with CTRL_RX the commands for promiscuous mode and all-multicast receive are acknowledged with VIRTIO_NET_OK',
  proves: {
    'net/ctrl-rx-has-its-commands': ['net-all-multicast-command-unknown', 'net-promiscuous-command-unknown'],
  },
  applies: { ...filterApplies, negotiate: filterFeatures, when: [] },
  run(context) {
    const check = context.requirement('net/ctrl-rx-has-its-commands');
    const filter = new ReceiveFilter(context, check);
    for (const { mode, isOn } of served(['PROMISC', 'ALLMULTI'])) {
      const what = `acknowledgement of VIRTIO_NET_CTRL_RX_${mode} with ${Number(isOn)}`;
      check.equal(filter.acknowledgementOf(mode, isOn), VIRTIO_NET_OK, what);
    }
  },
});

export const extraCommands = defineCase({
  id: 'virtio/net/extra-receive-mode-commands-are-served',
  title: 'with CTRL_RX_EXTRA its four commands are acknowledged with VIRTIO_NET_OK',
  proves: { 'net/ctrl-rx-extra-has-its-commands': 'net-no-broadcast-command-unknown' },
  applies: { ...filterApplies, negotiate: extraFeatures, when: [] },
  run(context) {
    const check = context.requirement('net/ctrl-rx-extra-has-its-commands');
    const filter = new ReceiveFilter(context, check);
    for (const { mode, isOn } of served(['ALLUNI', 'NOMULTI', 'NOUNI', 'NOBCAST'])) {
      const what = `acknowledgement of VIRTIO_NET_CTRL_RX_${mode} with ${Number(isOn)}`;
      check.equal(filter.acknowledgementOf(mode, isOn), VIRTIO_NET_OK, what);
    }
  },
});

export const promiscuous = defineCase({
  id: 'virtio/net/promiscuous-mode-receives-every-packet',
  title: 'in promiscuous mode packets to another station and to a group are received, which the table does not have',
  proves: {
    'net/promiscuous-delivers-everything': [
      'net-promiscuous-without-multicast',
      'net-promiscuous-without-unicast',
      'net-promiscuous-delivers-nothing',
    ],
  },
  applies: { ...filterApplies, negotiate: filterFeatures },
  variants: { to: ['other', 'group'] },
  run(context) {
    const { to } = context.variant;
    const check = context.requirement('net/promiscuous-delivers-everything');
    const filter = new ReceiveFilter(context, check);
    filter.switches('PROMISC', false);
    filter.lists(to);
    filter.presumes(to, 'own', 'while the table has its address');
    filter.lists();
    filter.switches('PROMISC', true);
    const what = `whether a packet ${destinationText[to]} is received in promiscuous mode`;
    check.equal(
      filter.delivers(to, 'own', () => filter.switches('PROMISC', false)),
      true,
      what,
    );
  },
});

export const beatsSuppression = defineCase({
  id: 'virtio/net/promiscuous-mode-beats-suppression',
  title: 'in promiscuous mode packets are received whose kind is suppressed',
  proves: { 'net/promiscuous-overrides-other-modes': 'net-suppression-beats-promiscuous' },
  applies: { ...filterApplies, negotiate: extraFeatures },
  variants: { mode: ['NOMULTI', 'NOUNI', 'NOBCAST'] },
  run(context) {
    const { mode } = context.variant;
    const [to, openFor] = (
      { NOMULTI: ['group', 'own'], NOUNI: ['other', 'broadcast'], NOBCAST: ['broadcast', 'own'] } as const
    )[mode];
    const check = context.requirement('net/promiscuous-overrides-other-modes');
    const filter = new ReceiveFilter(context, check);
    filter.switches('PROMISC', true);
    filter.presumes(to, openFor, 'in promiscuous mode');
    filter.switches(mode, true);
    const what = `whether a packet ${destinationText[to]} is received in promiscuous mode with ${mode} on`;
    check.equal(filter.receives(to, openFor), true, what);
  },
});

export const besideAllMulticast = defineCase({
  id: 'virtio/net/promiscuous-mode-stays-beside-all-multicast',
  title: 'in promiscuous mode packets to another station are received while all-multicast receive is on, too',
  proves: { 'net/promiscuous-overrides-other-modes': 'net-all-multicast-ends-promiscuous' },
  applies: { ...filterApplies, negotiate: filterFeatures },
  run(context) {
    const check = context.requirement('net/promiscuous-overrides-other-modes');
    const filter = new ReceiveFilter(context, check);
    filter.switches('PROMISC', true);
    filter.presumes('other', 'own', 'in promiscuous mode');
    filter.switches('ALLMULTI', true);
    const what = `whether a packet ${destinationText.other} is received in promiscuous mode with ALLMULTI on`;
    check.equal(filter.receives('other', 'own'), true, what);
  },
});

export const allMulticast = defineCase({
  id: 'virtio/net/all-multicast-receives-every-group',
  title: 'with all-multicast receive on packets to a group are received that the table does not have',
  proves: {
    'net/all-multicast-delivers-multicast': ['net-all-multicast-has-no-effect', 'net-all-multicast-delivers-nothing'],
  },
  applies: { ...filterApplies, negotiate: filterFeatures },
  run(context) {
    const check = context.requirement('net/all-multicast-delivers-multicast');
    const filter = new ReceiveFilter(context, check);
    filter.switches('PROMISC', false);
    filter.lists('group');
    filter.presumes('group', 'own', 'while the table has its address');
    filter.lists();
    filter.switches('ALLMULTI', true);
    check.equal(
      filter.delivers('group', 'own', () => filter.switches('ALLMULTI', false)),
      true,
      'whether a packet to a group is received with ALLMULTI on',
    );
  },
});

export const allUnicast = defineCase({
  id: 'virtio/net/all-unicast-receives-every-station',
  title: 'with all-unicast receive on packets to another station are received that the table does not have',
  proves: { 'net/all-unicast-delivers-unicast': ['net-all-unicast-has-no-effect', 'net-all-unicast-delivers-nothing'] },
  applies: { ...filterApplies, negotiate: extraFeatures },
  run(context) {
    const check = context.requirement('net/all-unicast-delivers-unicast');
    const filter = new ReceiveFilter(context, check);
    filter.switches('PROMISC', false);
    filter.lists('other');
    filter.presumes('other', 'own', 'while the table has its address');
    filter.lists();
    filter.switches('ALLUNI', true);
    check.equal(
      filter.delivers('other', 'own', () => filter.switches('ALLUNI', false)),
      true,
      'whether a packet to another station is received with ALLUNI on',
    );
  },
});
