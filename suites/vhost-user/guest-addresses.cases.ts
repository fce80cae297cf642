import { defineCase } from '../case.ts';

/** Guest-physical addresses in place of user addresses (vhost-user, "A vring address description"). */

export const guestAddresses = defineCase({
  id: 'vhost-user/guest-addresses/a-ring-is-found-by-guest-physical-addresses',
  title: 'with GPA_ADDRESSES a ring that is told of by guest-physical addresses is served, before and behind a stop',
  proves: { 'vu-vring/ring-addresses-are-guest-physical-with-gpa-addresses': 'guest-ring-addresses-translated' },
  applies: {
    start: 'negotiated',
    transports: ['vhost-user'],
    negotiate: ['VHOST_USER_PROTOCOL_F_GPA_ADDRESSES'],
    without: ['VIRTIO_F_ACCESS_PLATFORM'],
  },
  run({ driver, ring, requirement }) {
    const check = requirement('vu-vring/ring-addresses-are-guest-physical-with-gpa-addresses');
    for (const life of [1, 2]) {
      const queue = driver.attach(ring({ size: 16 }));
      for (const seed of [1, 2, 3]) {
        check.equal(driver.once(queue, { seed }), undefined, `what is wrong with request ${seed} of life ${life}`);
      }
      for (const each of [queue, ...driver.companions()]) each.stop();
    }
  },
});
