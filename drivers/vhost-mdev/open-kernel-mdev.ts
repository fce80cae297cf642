import { release } from 'node:os';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { DriverUsageError } from '../errors.ts';
import { MediatedIut } from '../iut-process/mediated-iut.ts';
import { ownUuid, removeLeftBehind } from '../iut-process/own-mediated-device.ts';
import type { TargetFacts } from '../port/target-facts.ts';
import type { CreatedMdev } from '../reach.ts';
import { mdevCapabilities, type Target } from '../target.ts';
import { KernelVfio } from '../vfio/kernel-vfio.ts';
import { MdevSysfs } from '../vfio/mdev-sysfs.ts';
import { mdevSubject } from '../vfio/vfio-subject.ts';
import { identifyMdev } from './identify-mdev.ts';
import { MdevPort } from './mdev-port.ts';

export interface OpenKernelMdevOptions {
  readonly deadlineMs?: number;
  readonly log?: EventLog;
  readonly sysfs?: MdevSysfs;
}

const shownOfBuildId = 12;

/**
 * The port to a vhost-mdev of the kernel, created first where it is ours to create.
 * @throws DriverUsageError with one line for what the user can put right.
 */
export function openKernelMdev(target: Target<'mdev'>, options: OpenKernelMdevOptions = {}): MdevPort {
  const { sysfs = new MdevSysfs(), deadlineMs, log } = options;
  const { reach } = target;
  const uuid = 'uuid' in reach ? reach.uuid : ownUuid();
  const iut = 'uuid' in reach ? new MediatedIut(sysfs, uuid) : createdIut(sysfs, uuid, reach.created);
  try {
    const carrier = new KernelVfio(mdevSubject(uuid));
    return new MdevPort({
      facts: { ...factsOf(target, carrier), version: versionOf(sysfs, target) },
      carrier,
      iut,
      recovery: target.recovery,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(log === undefined ? {} : { log }),
    });
  } catch (error) {
    iut.close();
    throw error;
  }
}

/** The layout of a device that exists already shows when it is opened, in the kernel that has it. */
function factsOf({ facts, reach }: Target<'mdev'>, carrier: KernelVfio): Omit<TargetFacts, 'version'> {
  const { layout } = identifyMdev(carrier);
  if (!('uuid' in reach)) return facts;
  return {
    ...facts,
    identity: `${facts.identity}, layout ${layout.toUpperCase()}`,
    capabilities: [...facts.capabilities, ...mdevCapabilities[layout === 'l1' ? 'l1' : 'l2-strict']],
  };
}

function createdIut(sysfs: MdevSysfs, uuid: string, { module, parameters, type }: CreatedMdev): MediatedIut {
  if (!sysfs.hasModule(module)) throw new DriverUsageError(`the module ${module} is not loaded in this kernel`);
  removeLeftBehind(sysfs);
  return new MediatedIut(sysfs, uuid, () => {
    for (const [name, value] of Object.entries(parameters)) sysfs.setParameter(module, name, value);
    sysfs.create(type, uuid);
  });
}

function versionOf(sysfs: MdevSysfs, { reach }: Target<'mdev'>): string {
  const kernel = `Linux ${release()}`;
  const buildId = 'uuid' in reach ? undefined : sysfs.moduleBuildId(reach.created.module);
  return buildId === undefined ? kernel : `${kernel}, module build ${buildId.slice(0, shownOfBuildId)}`;
}
