import type { ModelledDevice } from './requests.ts';

export const version1 = 1n << 32n;
export const accessPlatform = 1n << 33n;
export const packedRing = 1n << 34n;
export const protocolFeatures = 1n << 30n;
export const indirectDesc = 1n << 28n;
export const eventIdx = 1n << 29n;
export const inOrder = 1n << 35n;
export const logAll = 1n << 26n;
/** VIRTIO_BLK_F_FLUSH. */
export const blockFlush = 1n << 9n;
/** What programs accept of a device type. Of block: FLUSH, CONFIG_WCE, MQ, DISCARD, WRITE_ZEROES, SECURE_ERASE. Of net: CSUM, MTU, MRG_RXBUF. */
export const ofDevice: Readonly<Record<ModelledDevice, bigint>> = {
  block: blockFlush | (1n << 11n) | (1n << 12n) | (1n << 13n) | (1n << 14n) | (1n << 16n),
  net: 1n | (1n << 3n) | (1n << 15n),
  entropy: 0n,
};
