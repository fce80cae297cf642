import { featureSetOf } from '../../../reference-impl/catalogue/catalogue.ts';
import { defineCase } from '../../case.ts';
import { configFrom } from '../device-parts.ts';

/** When configuration can be read (virtio 2.5). */

const bytes = 8;

export const readableBeforeFeaturesOk = defineCase({
  id: 'virtio/config/fields-are-readable-before-features-are-set',
  title: 'configuration can be read before the driver acknowledges features',
  proves: { 'config/fields-readable-before-features-ok': 'config-only-after-set-features' },
  // Of these types it is known that they have so many bytes; an entropy device has none.
  applies: { start: 'prepared', needs: ['device.config'], devices: ['block', 'net'], ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('config/fields-readable-before-features-ok');
    const early = configFrom(session, check, bytes);
    check.equal(early.length, bytes, 'bytes that are read before features are acknowledged');
    const names = ['VIRTIO_F_VERSION_1', 'VHOST_USER_F_PROTOCOL_FEATURES', ...port.facts.requiredFeatures] as const;
    session.negotiate(featureSetOf(names, port.facts));
    check.bytesEqual(early, configFrom(session, check, bytes), 'what is read before, against what is read after');
  },
});
