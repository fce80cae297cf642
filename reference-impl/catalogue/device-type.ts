/**
 * The name of a device type in feature-bits.json, by the name that a target gives it. Linux, whose headers name the bits,
 * says `blk` where the specification says block.
 */
export function featureDeviceOf(device: string): string {
  return device === 'block' ? 'blk' : device;
}
