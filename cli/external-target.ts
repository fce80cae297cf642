import { deviceTypeOf } from '../drivers/devices/device-types.ts';
import type { Target } from '../drivers/target.ts';

/** Bits of the feature word below 24 that virtio-net has and virtio-blk has not: MTU, GUEST_TSO6, CTRL_RX to CTRL_MAC_ADDR. */
const netBits = 0xfc0108n;
/** MRG_RXBUF of a network device, LIFETIME of a block device; and FLUSH, which block devices should always offer. */
const MRG_RXBUF = 1n << 15n;
const FLUSH = 1n << 9n;

/** The device type that offers these feature bits: `block` if none of them belongs to net alone. */
export function deviceOffering(offered: bigint): 'block' | 'net' {
  const isNet = (offered & netBits) !== 0n || (offered & (MRG_RXBUF | FLUSH)) === MRG_RXBUF;
  return isNet ? 'net' : 'block';
}

/**
 * A back-end that serves at a socket already, of which only the device type is known. Block devices are
 * written: their first MiB. Frames are assumed not to come back.
 */
export function externalTarget(socket: string, name: string, device: string): Target<'unix-socket'> {
  return {
    facts: {
      name,
      transport: 'vhost-user',
      device,
      identity: `not started by us, at ${socket}`,
      workload: deviceTypeOf(device).external,
      capabilities: ['initial-base'],
      ownedBy: {},
      requiredFeatures: ['VIRTIO_F_VERSION_1'],
      deadlineScale: 2,
    },
    reach: { via: 'unix-socket', socket },
    recovery: ['reconnect'],
  };
}
