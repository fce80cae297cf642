/** Emulation works everywhere; virtualization is many times faster, where it works. */
export const accelerations = {
  tcg: ['-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'max'],
  kvm: ['-accel', 'kvm', '-cpu', 'host'],
} as const;
export type Acceleration = keyof typeof accelerations;
export const accelerationNames = ['tcg', 'kvm'] as const satisfies readonly Acceleration[];
