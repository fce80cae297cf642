import { defineCase } from '../../case.ts';
import { bitOf } from '../features/offered-bits.ts';

/** What a block device offers (virtio 5.2.5). */

export const flushOffered = defineCase({
  id: 'virtio/block/flush-is-offered',
  title: 'FLUSH is offered',
  proves: { 'blk/flush-always-offered': 'block-flush-not-offered' },
  applies: { start: 'negotiated', devices: ['block'], ring: 'none' },
  run({ session, requirement }) {
    const has = (session.negotiated.offered.device & bitOf('VIRTIO_BLK_F_FLUSH')) !== 0n;
    requirement('blk/flush-always-offered').equal(has, true, 'VIRTIO_BLK_F_FLUSH offered');
  },
});

export const configWce = defineCase({
  id: 'virtio/block/config-wce-comes-with-flush',
  title: 'where CONFIG_WCE is offered, FLUSH is, too',
  proves: { 'blk/config-wce-implies-flush': 'block-config-wce-without-flush' },
  applies: { start: 'negotiated', devices: ['block'], offers: ['VIRTIO_BLK_F_CONFIG_WCE'], ring: 'none' },
  run({ session, requirement }) {
    const has = (session.negotiated.offered.device & bitOf('VIRTIO_BLK_F_FLUSH')) !== 0n;
    requirement('blk/config-wce-implies-flush').equal(has, true, 'VIRTIO_BLK_F_FLUSH offered beside CONFIG_WCE');
  },
});
