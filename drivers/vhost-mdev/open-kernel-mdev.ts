import { release } from 'node:os';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { DriverUsageError } from '../errors.ts';
import { MediatedIut } from '../iut-process/mediated-iut.ts';
import { ownUuid, removeLeftBehind } from '../iut-process/own-mediated-device.ts';
import { type CreatedMdev, type KernelMdevTarget, mdevCapabilities, type TargetFacts } from '../target.ts';
import { KernelVfio } from '../vfio/kernel-vfio.ts';
import { MdevSysfs } from '../vfio/mdev-sysfs.ts';
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
export function openKernelMdev(target: KernelMdevTarget, options: OpenKernelMdevOptions = {}): MdevPort {
  const { sysfs = new MdevSysfs(), deadlineMs, log } = options;
  const { kernelMdev } = target;
  const uuid = 'uuid' in kernelMdev ? kernelMdev.uuid : ownUuid();
  const iut = 'uuid' in kernelMdev ? new MediatedIut(sysfs, uuid) : createdIut(sysfs, uuid, kernelMdev);
  try {
    const carrier = new KernelVfio(uuid);
    return new MdevPort({
      facts: { ...factsOf(target, carrier), version: versionOf(sysfs, kernelMdev) },
      carrier,
      iut,
      recovery: 'uuid' in kernelMdev ? ['reconnect'] : ['reconnect', 'restart'],
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(log === undefined ? {} : { log }),
    });
  } catch (error) {
    iut.close();
    throw error;
  }
}

/** The layout of a device that somebody else made shows when it is opened, in the kernel that has it. */
function factsOf({ facts, kernelMdev }: KernelMdevTarget, carrier: KernelVfio): Omit<TargetFacts, 'version'> {
  const { layout } = identifyMdev(carrier);
  if (!('uuid' in kernelMdev)) return facts;
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

function versionOf(sysfs: MdevSysfs, mdev: KernelMdevTarget['kernelMdev']): string {
  const kernel = `Linux ${release()}`;
  const buildId = 'uuid' in mdev ? undefined : sysfs.moduleBuildId(mdev.module);
  return buildId === undefined ? kernel : `${kernel}, module build ${buildId.slice(0, shownOfBuildId)}`;
}
