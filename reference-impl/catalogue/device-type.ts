/** Types of device by the name that a target gives them, each with the name in feature-bits.json. */
export const catalogueDevice = { block: 'blk', net: 'net' } as const;
export type DeviceType = keyof typeof catalogueDevice;
