import { defineCase } from '../case.ts';
import { refusesCall } from '../vhost-kernel/refusal.ts';

/** Features of the device. */

const offerOf = (answer: bigint | number): bigint => (typeof answer === 'bigint' ? answer : 0n);

export const unoffered = defineCase({
  id: 'vhost-net/features/unoffered-features-are-refused',
  title: 'SET_FEATURES with any one bit that is not offered fails with EOPNOTSUPP',
  proves: { 'vk-features/unoffered-features-refused': 'vhost-net-any-features-are-taken' },
  applies: { start: 'closed', transports: ['vhost-kernel'], ring: 'none' },
  run(context) {
    const check = context.requirement('vk-features/unoffered-features-refused');
    const session = context.connect('connected');
    const offered = offerOf(session.calls.features());
    session.close();
    const bits = Array.from({ length: 64 }, (_, bit) => BigInt(bit)).filter((bit) => ((offered >> bit) & 1n) === 0n);
    check.presumes(bits.length > 0, 'there is a bit that is not offered');
    const points = bits.map((bit) => ({ key: `bit ${bit}`, bit }));
    context.points(points, ({ key, bit }) =>
      refusesCall(context, check, {
        what: `SET_FEATURES with ${key}`,
        start: 'prepared',
        flawed: ({ calls }) => calls.setFeatures(1n << bit),
        control: ({ calls }) => calls.setFeatures(0n),
        controlName: 'SET_FEATURES without a bit',
        errors: ['EOPNOTSUPP'],
      }),
    );
  },
});
