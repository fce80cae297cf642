import { release } from 'node:os';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { Target } from '../target.ts';
import { ExistingVdpa } from '../vhost-vdpa/vdpa-iut.ts';
import { KernelVhostNet } from './kernel-vhost-net.ts';
import { Tap } from './tap.ts';
import { VhostNetPort } from './vhost-net-port.ts';

export interface OpenVhostNetOptions {
  readonly deadlineMs?: number;
  readonly log?: EventLog;
}

/**
 * The port to vhost-net of this kernel, over a tap device that is made where there is none of that name.
 * @throws DriverUsageError with one line for what the user can put right.
 */
export function openVhostNet(target: Target<'vhost-net'>, { deadlineMs, log }: OpenVhostNetOptions = {}): VhostNetPort {
  const { reach, facts, recovery } = target;
  return new VhostNetPort({
    facts: { ...facts, version: `Linux ${release()}` },
    carrier: new KernelVhostNet(reach.device),
    iut: new ExistingVdpa(reach.device),
    network: new Tap(reach.tap),
    recovery,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(log === undefined ? {} : { log }),
  });
}
