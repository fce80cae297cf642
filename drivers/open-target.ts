import { DriverUsageError } from './errors.ts';
import type { DriverPort } from './port/port.ts';
import { openMdevReference } from './reference/open-mdev-reference.ts';
import { type AnyTarget, isInProcess, isKernelMdev } from './target.ts';
import { openKernelMdev } from './vhost-mdev/open-kernel-mdev.ts';
import { type OpenTargetOptions, openTarget } from './vhost-user/open-target.ts';

/**
 * The port to a target, however it is reached. Connects nothing.
 * @throws DriverUsageError for what the user can put right, IutGoneError and DeadlineError where it does not start.
 */
export function openAnyTarget(target: AnyTarget, options: OpenTargetOptions = {}): DriverPort {
  if (isKernelMdev(target)) return openKernelMdev(target, options);
  if (!isInProcess(target)) return openTarget(target, options);
  const { facts, vhostMdev: mode } = target;
  if (facts.transport !== 'vhost-mdev') throw new DriverUsageError(`${facts.name} is no vhost-mdev`);
  const { deadlineMs, log } = options;
  return openMdevReference({
    device: facts.device,
    mode,
    facts,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(log === undefined ? {} : { log }),
  });
}
