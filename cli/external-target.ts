import type { WorkloadFacts } from '../drivers/port/port.ts';
import type { Target } from '../drivers/target.ts';

export const deviceNames = ['block', 'net'] as const;
export type DeviceName = (typeof deviceNames)[number];

/** Bits of the feature word below 24 that virtio-net has and virtio-blk has not: MRG_RXBUF to GUEST_ANNOUNCE, MQ, CTRL_MAC_ADDR. */
const netBits = 0xff8000n;

/** What kind of device offers these feature bits, as far as they tell: `block` where none is one of net's own. */
export function deviceOffering(offered: bigint): DeviceName {
  return (offered & netBits) === 0n ? 'block' : 'net';
}

const workloads: Readonly<Record<DeviceName, WorkloadFacts>> = {
  block: { kind: 'block', queueIndex: 0, companions: [], sectors: 2048 },
  net: { kind: 'net', queueIndex: 1, companions: [0], receiveIndex: 0, returns: 'none', reflects: 'unchanged' },
};

/** What a device that we know nothing else of is taken to do: block devices are written, frames do not come back. */
export const externalWorkload = (device: DeviceName): WorkloadFacts => workloads[device];

/**
 * A back-end that serves at a socket already, of which only the device type is known. Block devices are
 * written: their first MiB. Frames are taken not to come back.
 */
export function externalTarget(socket: string, name: string, device: DeviceName): Target<'unix-socket'> {
  return {
    facts: {
      name,
      transport: 'vhost-user',
      device,
      identity: `not started by us, at ${socket}`,
      workload: workloads[device],
      capabilities: ['initial-base'],
      ownedBy: {},
      requiredFeatures: ['VIRTIO_F_VERSION_1'],
      deadlineScale: 2,
    },
    reach: { via: 'unix-socket', socket },
    recovery: ['reconnect'],
  };
}
