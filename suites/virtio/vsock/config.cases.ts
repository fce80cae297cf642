import {
  reservedCids,
  VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
  VSOCK_CONFIG_SIZE,
} from '../../../reference-impl/devices/vsock-layout.ts';
import { defineCase } from '../../case.ts';
import { configFrom } from '../device-parts.ts';

/** Configuration and offered features of the socket device (virtio 5.10.3, 5.10.4). */

const applies = { start: 'negotiated', devices: ['vsock'], ring: 'none' } as const;

export const guestCid = defineCase({
  id: 'virtio/vsock/guest-cid-is-lawful',
  title: 'guest_cid has 32 bits, and is none of the reserved CIDs',
  proves: {
    'vsock/guest-cid-upper-bits-zero': 'vsock-cid-of-64-bits',
    'vsock/guest-cid-not-reserved': ['vsock-cid-of-host', 'vsock-cid-of-all-ones'],
  },
  applies: { ...applies, needs: ['device.config'] },
  run({ session, requirement }) {
    const upper = requirement('vsock/guest-cid-upper-bits-zero');
    const config = configFrom(session, upper, VSOCK_CONFIG_SIZE);
    const cid = new DataView(config.buffer, config.byteOffset).getBigUint64(0, true);
    upper.equal(cid >> 32n, 0n, 'upper 32 bits of guest_cid');
    requirement('vsock/guest-cid-not-reserved').holds(!reservedCids.includes(cid), 'guest_cid', {
      expected: `none of ${reservedCids.join(', ')}`,
      actual: `${cid}`,
    });
  },
});

export const offersNoImpliedStream = defineCase({
  id: 'virtio/vsock/no-implied-stream-is-offered',
  title: 'VIRTIO_VSOCK_F_NO_IMPLIED_STREAM is offered',
  proves: { 'vsock/no-implied-stream-offered': 'vsock-implies-stream' },
  applies: { ...applies, negotiation: 'fixed' },
  run({ session, requirement }) {
    const { device } = session.negotiated.offered;
    const isOffered = (device & VIRTIO_VSOCK_F_NO_IMPLIED_STREAM) !== 0n;
    requirement('vsock/no-implied-stream-offered').equal(isOffered, true, 'the bit is offered');
  },
});
