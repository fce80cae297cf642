import { negotiationBeforeOffer } from '../../judging/negotiation.ts';
import { allFeatures, type FeatureName, hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import { unusedFeatureFaults } from '../../reference-impl/faults/transport/vhost-user/unused-features.ts';
import { defineCase } from '../case.ts';
import { offerOf } from './request-answers.ts';

/** Protocol features that are negotiated and whose messages a front-end has no reason to send (vhost-user, "Ring states"). */

/**
 * Features that change what rings need: a driver that tells no status never says DRIVER_OK (virtio 2.1.2), and regions
 * and ring addresses have another form.
 */
const changingRings: readonly FeatureName[] = [
  'VHOST_USER_PROTOCOL_F_STATUS',
  'VHOST_USER_PROTOCOL_F_XEN_MMAP',
  'VHOST_USER_PROTOCOL_F_GPA_ADDRESSES',
];

export const unusedFeatures = defineCase({
  id: 'vhost-user/optional/ring-runs-though-negotiated-messages-never-come',
  title: 'with each protocol feature negotiated, and none of its messages sent, a ring starts and requests are served',
  proves: { 'vu-ring-state/ring-starts-with-kick-descriptor': unusedFeatureFaults },
  applies: { start: 'closed', transports: ['vhost-user'], offers: ['VHOST_USER_F_PROTOCOL_FEATURES'], ring: 'split' },
  run({ port, guest, connect, driverOf, ring, points, requirement }) {
    const check = requirement('vu-ring-state/ring-starts-with-kick-descriptor');
    const asking = connect('connected');
    const offer = offerOf(asking, check);
    asking.close();
    const offered = allFeatures()
      .filter(({ kind, name }) => kind === 'vhost-user-protocol' && hasFeature(offer, name, port.facts))
      .filter(({ name }) => !changingRings.includes(name));
    const each = offered.map(({ name, requires }) => ({
      key: name.replace('VHOST_USER_PROTOCOL_F_', ''),
      names: [name, ...requires.flatMap((alternatives) => alternatives.slice(0, 1))],
    }));
    const together = offered.filter(({ excludes }) => !excludes.some((name) => hasFeature(offer, name, port.facts)));
    points([...each, { key: 'all together', names: together.map(({ name }) => name) }], ({ names }) => {
      const session = connect('connected');
      session.negotiate(
        negotiationBeforeOffer({ negotiate: names, without: ['VHOST_USER_PROTOCOL_F_STATUS'] }, port.facts),
      );
      session.shareMemory(guest);
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      for (const seed of [1, 2]) {
        check.equal(
          driver.once(queue, { seed }),
          undefined,
          `what is wrong with request ${seed} with ${names.join(', ')}`,
        );
      }
    });
  },
});
