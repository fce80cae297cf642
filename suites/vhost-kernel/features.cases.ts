import { defineCase } from '../case.ts';
import { refusesCall } from './refusal.ts';

/** Features of the back-end. */

const transports = ['vhost-vdpa', 'vhost-kernel'] as const;

/** Bits that no header names. */
const strangeBits = [0n, 31n, 40n, 63n];

export const backendFeatures = defineCase({
  id: 'vhost-kernel/features/unoffered-backend-features-are-refused',
  title: 'SET_BACKEND_FEATURES with a bit that is not offered fails with EOPNOTSUPP',
  proves: {
    'vk-features/unoffered-backend-features-refused': [
      'vdpa-any-backend-features-are-taken',
      'vhost-net-any-backend-features-are-taken',
    ],
  },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vk-features/unoffered-backend-features-refused');
    const points = strangeBits.map((bit) => ({ key: `bit ${bit}`, bit }));
    context.points(points, ({ key, bit }) =>
      refusesCall(context, check, {
        what: `SET_BACKEND_FEATURES with ${key}`,
        start: 'connected',
        flawed: ({ calls }) => calls.setBackendFeatures(offerOf(calls.backendFeatures()) | (1n << bit)),
        control: ({ calls }) => calls.setBackendFeatures(offerOf(calls.backendFeatures())),
        controlName: 'SET_BACKEND_FEATURES with all that is offered',
        errors: ['EOPNOTSUPP'],
      }),
    );
  },
});

const offerOf = (answer: bigint | number): bigint => (typeof answer === 'bigint' ? answer : 0n);
