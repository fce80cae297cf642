import { deviceTypeOf, deviceTypes } from '../drivers/devices/device-types.ts';
import type { Target } from '../drivers/target.ts';

/** Device types that can be given for a target. */
export const deviceNames: readonly string[] = deviceTypes.map(({ name }) => name);

/** Bits of the feature word below 24 that virtio-net has and virtio-blk has not: MRG_RXBUF to GUEST_ANNOUNCE, MQ, CTRL_MAC_ADDR. */
const netBits = 0xff8000n;

/** The device type that offers these feature bits: `block` if none of them belongs to net alone. */
export function deviceOffering(offered: bigint): 'block' | 'net' {
  return (offered & netBits) === 0n ? 'block' : 'net';
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
