import { constants } from 'node:os';
import {
  closeFd,
  killGroup,
  POLLIN,
  type ProcessEnd,
  pollOne,
  reapGroup,
  type SpawnedProcess,
  signalPidfd,
  waitPidfd,
} from '../native/native.ts';

/** Not longer: a process in the midst of a call of the kernel may take any time. */
const killedWithinUs = 5_000_000;

/**
 * Ends a process that has not been waited for: SIGTERM to itself, SIGCONT where it stands still, and a grace, none where
 * `graceUs` is 0, then SIGKILL to its group. Returns how it ended; undefined where the kernel still holds it.
 */
export function endProcess({ pid, pidfd }: SpawnedProcess, graceUs: number): ProcessEnd | undefined {
  if (graceUs > 0) {
    signalPidfd(pidfd, constants.signals.SIGTERM);
    signalPidfd(pidfd, constants.signals.SIGCONT);
    pollOne(pidfd, POLLIN, graceUs);
  }
  killGroup(pid, constants.signals.SIGKILL);
  pollOne(pidfd, POLLIN, killedWithinUs);
  return waitPidfd(pidfd, { noHang: true });
}

/** Ends what outlived a process in its group, waits for what has ended of it, and closes its descriptor. */
export function releaseGroup({ pid, pidfd }: SpawnedProcess): void {
  killGroup(pid, constants.signals.SIGKILL);
  reapGroup(pid);
  closeFd(pidfd);
}
