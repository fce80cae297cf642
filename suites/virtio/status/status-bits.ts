/** Bits of the device status field (virtio 2.1). */
export const ACKNOWLEDGE = 1;
export const DRIVER = 2;
export const DRIVER_OK = 4;
export const FEATURES_OK = 8;
export const DEVICE_NEEDS_RESET = 0x40;

/** A device whose features are agreed upon, and that does not run yet. */
export const live = ACKNOWLEDGE | DRIVER | FEATURES_OK;
