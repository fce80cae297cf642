import type { VdpaCalls } from '../../drivers/port/port.ts';
import { seenWithinMs } from '../../judging/deadline.ts';
import { defineCase } from '../case.ts';
import { refusesCall, takes } from '../vhost-kernel/refusal.ts';
import { serves } from '../virtio/service.ts';

/** Rings of a device that runs. */

const transports = ['vhost-vdpa'] as const;

export const fixedWhileRunning = defineCase({
  id: 'vhost-vdpa/vring/addresses-and-base-are-fixed-while-running',
  title: 'SET_VRING_ADDR and SET_VRING_BASE fail with EINVAL behind DRIVER_OK',
  proves: { 'vk-vring/addresses-and-base-fixed-while-running': 'vdpa-rings-change-while-running' },
  applies: { start: 'closed', transports },
  run(context) {
    const check = context.requirement('vk-vring/addresses-and-base-fixed-while-running');
    const change = (calls: VdpaCalls, key: string): number =>
      key === 'SET_VRING_ADDR'
        ? calls.setAddresses(0, { descriptor: 0n, available: 0n, used: 0n })
        : calls.setBase(0, 0);
    const takesPositions = context.port.facts.capabilities.includes('initial-base');
    const points = (takesPositions ? ['SET_VRING_ADDR', 'SET_VRING_BASE'] : ['SET_VRING_ADDR']).map((key) => ({ key }));
    context.points(points, ({ key }) =>
      refusesCall(context, check, {
        what: `${key} behind DRIVER_OK`,
        start: 'negotiated',
        prepare: (session) => {
          context.driverOf(session).attach(context.ring({ size: 16 }));
        },
        flawed: (session) => {
          session.run();
          return change(session.calls, key);
        },
        control: ({ calls }) => change(calls, key),
        controlName: `${key} ahead of DRIVER_OK`,
        errors: ['EINVAL'],
      }),
    );
  },
});

export const enabledAlone = defineCase({
  id: 'vhost-vdpa/vring/rings-are-served-while-enabled',
  title: 'a ring that was not enabled ahead of DRIVER_OK, or was disabled again, is not served',
  proves: { 'vk-vring/ring-that-is-not-enabled-is-not-served': 'vdpa-serves-rings-that-are-not-enabled' },
  applies: { start: 'negotiated', transports },
  variants: { told: ['nothing', 'disabled-again'] },
  run({ session, port, driver, ring, variant, requirement }) {
    const check = requirement('vk-vring/ring-that-is-not-enabled-is-not-served');
    const queue = driver.attach(ring({ size: 16 }), { enable: false });
    if (variant.told === 'disabled-again') {
      for (const enabled of [true, false]) {
        if (!takes(check, session.calls.setEnabled(queue.index, enabled), `SET_VRING_ENABLE, ${enabled}`)) return;
      }
    }
    const before = queue.usedCount();
    queue.makeAvailable([driver.request().segments]);
    queue.kick();
    port.until(() => queue.usedCount() !== before, seenWithinMs(port));
    session.fence();
    check.equal(queue.usedCount(), before, 'used elements of a ring that is not enabled');
  },
});

export const enabledLate = defineCase({
  id: 'vhost-vdpa/vring/ring-enabled-behind-driver-ok-is-served',
  title: 'a ring that is enabled behind DRIVER_OK is served from then on',
  proves: { 'vk-vring/ring-enabled-after-driver-ok-is-served': 'vdpa-rings-enabled-late-rest' },
  applies: { start: 'negotiated', transports, offers: ['VHOST_BACKEND_F_ENABLE_AFTER_DRIVER_OK'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vk-vring/ring-enabled-after-driver-ok-is-served');
    const queue = driver.attach(ring({ size: 16 }), { enable: false });
    check.granted(session.run(), 'DRIVER_OK');
    takes(check, session.calls.setEnabled(queue.index, true), 'SET_VRING_ENABLE behind DRIVER_OK');
    serves({ port, driver }, check, queue, 'a request on a ring that was enabled late');
  },
});

export const largestSize = defineCase({
  id: 'vhost-vdpa/vring/ring-of-the-largest-size-is-served',
  title: 'the device tells its largest ring size, a power of two, and serves a ring of it',
  proves: { 'vk-vring/largest-size-is-told': 'vdpa-tells-no-largest-size' },
  applies: { start: 'negotiated', transports, ring: 'split' },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vk-vring/largest-size-is-told');
    const size = session.calls.largestSize();
    const isSize = size > 1 && size <= 32_768 && (size & (size - 1)) === 0;
    const told = { expected: 'a power of two of at most 32768', actual: String(size) };
    if (!check.holds(isSize, 'the largest size', told)) return;
    serves({ port, driver }, check, driver.attach(ring({ size })), `a request on a ring of ${size} entries`);
  },
});
