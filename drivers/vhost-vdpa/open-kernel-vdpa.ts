import { release } from 'node:os';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import type { Target } from '../target.ts';
import { KernelVdpa } from './kernel-vdpa.ts';
import { VdpaBus } from './vdpa-bus.ts';
import { CreatedVdpaIut, ExistingVdpa, ownVdpaName, removeVdpaLeftBehind } from './vdpa-iut.ts';
import { VdpaPort } from './vdpa-port.ts';

export interface OpenKernelVdpaOptions {
  readonly deadlineMs?: number;
  readonly log?: EventLog;
  readonly bus?: VdpaBus;
}

/**
 * The port to a vhost-vdpa device of this kernel, made first where it is ours to make.
 * @throws DriverUsageError with one line for what the user can put right.
 */
export function openKernelVdpa(target: Target<'vhost-vdpa'>, options: OpenKernelVdpaOptions = {}): VdpaPort {
  const { reach, facts, recovery } = target;
  const { bus = new VdpaBus(), deadlineMs, log } = options;
  if ('created' in reach) removeVdpaLeftBehind(bus);
  const name = ownVdpaName();
  const iut = 'created' in reach ? new CreatedVdpaIut(bus, name, reach.created) : new ExistingVdpa(reach.device);
  const made =
    'created' in reach ? { provisioned: reach.created.parameters, shown: bus.shown(name, reach.created.parent) } : {};
  return new VdpaPort({
    facts: { ...facts, ...made, version: `Linux ${release()}` },
    carrier: new KernelVdpa(() => iut.path),
    iut,
    recovery,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(log === undefined ? {} : { log }),
  });
}
