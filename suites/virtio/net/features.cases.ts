import { defineCase } from '../../case.ts';
import { bitOf } from '../features/offered-bits.ts';

/** What a network device offers (virtio 5.1.3). */

export const hashReport = defineCase({
  id: 'virtio/net/hash-report-comes-with-ctrl-vq',
  title: 'HASH_REPORT is offered only together with CTRL_VQ',
  proves: { 'net/hash-report-offered-with-ctrl-vq': 'net-hash-report-without-ctrl-vq' },
  applies: { start: 'negotiated', devices: ['net'], ring: 'none' },
  run({ session, requirement }) {
    const offered = session.negotiated.offered.device;
    const has =
      (offered & bitOf('VIRTIO_NET_F_HASH_REPORT')) === 0n || (offered & bitOf('VIRTIO_NET_F_CTRL_VQ')) !== 0n;
    requirement('net/hash-report-offered-with-ctrl-vq').equal(has, true, 'HASH_REPORT not offered, or CTRL_VQ offered');
  },
});

export const ctrlRxExtra = defineCase({
  id: 'virtio/net/ctrl-rx-extra-comes-with-ctrl-vq',
  title: 'CTRL_RX_EXTRA is offered only together with CTRL_VQ',
  proves: { 'net/ctrl-rx-extra-offered-with-ctrl-vq': 'net-ctrl-rx-extra-without-ctrl-vq' },
  applies: { start: 'negotiated', devices: ['net'], ring: 'none' },
  run({ session, requirement }) {
    const offered = session.negotiated.offered.device;
    const has =
      (offered & bitOf('VIRTIO_NET_F_CTRL_RX_EXTRA')) === 0n || (offered & bitOf('VIRTIO_NET_F_CTRL_VQ')) !== 0n;
    requirement('net/ctrl-rx-extra-offered-with-ctrl-vq').equal(
      has,
      true,
      'CTRL_RX_EXTRA not offered, or CTRL_VQ offered',
    );
  },
});
