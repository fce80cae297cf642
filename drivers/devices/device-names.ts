/** The device types that we have a driver of: a new one is a name here, and its type in `device-types.ts`. */
export const deviceNames = ['block', 'net', 'entropy', 'generic'] as const;
export type DeviceName = (typeof deviceNames)[number];
