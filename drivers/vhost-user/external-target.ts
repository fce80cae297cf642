import type { Target, WorkloadFacts } from '../target.ts';

/** Feature bits that only virtio-net has of the two: MRG_RXBUF, STATUS, CTRL_VQ, CTRL_RX, GUEST_ANNOUNCE, MQ. */
const netFeatures = (1n << 15n) | (1n << 16n) | (1n << 17n) | (1n << 18n) | (1n << 21n) | (1n << 22n);

/** What kind of device offers these feature bits, as far as they tell: `block` where none is one of net's own. */
export function deviceOffering(offered: bigint): 'block' | 'net' {
  return (offered & netFeatures) === 0n ? 'block' : 'net';
}

const workloads: Readonly<Record<'block' | 'net', WorkloadFacts>> = {
  block: { kind: 'block', queueIndex: 0, companions: [], sectors: 2048 },
  net: { kind: 'net', queueIndex: 1, companions: [0], receiveIndex: 0, returns: 'none', reflects: 'unchanged' },
};

/**
 * A back-end that somebody else serves at a socket, of which nothing is known but what it is. Block devices are
 * written: their first MiB. Frames are taken not to come back.
 */
export function externalTarget(path: string, device: 'block' | 'net'): Target {
  return {
    facts: {
      name: `vhost-user:${path}`,
      transport: 'vhost-user',
      device,
      identity: `served by somebody else at ${path}`,
      workload: workloads[device],
      capabilities: ['initial-base'],
      ownedBy: {},
      requiredFeatures: ['VIRTIO_F_VERSION_1'],
      deadlineScale: 2,
    },
    socket: path,
    recovery: ['reconnect'],
  };
}
