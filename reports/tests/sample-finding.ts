import type { FailureKind } from '../../reference-impl/observations/failure-kind.ts';
import type { SnapshotRequirement } from '../record/catalogue-snapshot.ts';
import type { Finding } from '../record/record.ts';
import { hostileText } from './sample-trace.ts';

/** Lines of a kernel's log, as the end of a machine under test has them. */
export const kernelLog = [
  '[   14.204418] Kernel panic - not syncing: vhost-mdev: as the option panic_on asks',
  '[   14.205120] CPU: 0 UID: 0 PID: 214 Comm: node Tainted: G           OE      6.12.0-amd64 #1',
  '[   14.206011] Call Trace:',
  '[   14.206507]  <TASK>',
  '[   14.206911]  dump_stack_lvl+0x27/0x90',
  '[   14.207342]  vhost_mdev_notify.cold+0x11/0x11 [vhost_mdev]',
  `[   14.208115]  vfio_device_fops_write+0x28/0x40 [vfio] ${'a long line goes on '.repeat(8)}`,
  '[   14.209021]  </TASK>',
].join('\n');

export function samplePoints(place: number): string[] {
  return Array.from({ length: place % 7 }, (_, index) => `size=${0x1000 * (index + 1)},flags=${index}`);
}

const kinds: readonly FailureKind[] = ['wrong', 'crash', 'stalled', 'wrong', 'hang', 'leak', 'desync'];

const kernelKinds: readonly FailureKind[] = ['crash', 'wrong'];

/** What was found at one place of the sample; what a kernel was found to do is its own. */
export function sampleFinding(
  target: string,
  requirement: SnapshotRequirement,
  place: number,
  failing: number,
): Finding {
  const turn = Math.floor(place / failing);
  const isKernel = target.startsWith('kernel-vhost-mdev');
  const how = isKernel ? (kernelKinds[turn % 2] ?? 'wrong') : (kinds[turn % kinds.length] ?? 'wrong');
  const isHostile = turn === 0;
  const { level, basis } = requirement;
  if (isKernel) {
    const what = 'VHOST_GET_VRING_BASE is answered for the ring that was asked for';
    const told =
      how === 'crash'
        ? { expected: 'it goes on running', actual: 'Kernel panic - not syncing: vhost-mdev', kernelLog }
        : { expected: 'ring 1', actual: 'ring 0' };
    return { requirement: requirement.id, level, basis, how, what, ...told };
  }
  return {
    requirement: requirement.id,
    level,
    basis,
    how,
    what: isHostile ? `name of the device ${hostileText}` : whats[how],
    expected: isHostile ? 'printable text' : expectations[how],
    actual: isHostile ? hostileText : actuals[how],
    ...(place % 16 === 0 ? { points: samplePoints(place) } : {}),
    ...(how === 'crash'
      ? { exit: { signal: 'SIGSEGV' }, stderr: `VHOST_CONFIG: (/run/vhost.sock) read message\n${hostileText}` }
      : {}),
  };
}

const whats: Record<FailureKind, string> = {
  wrong: 'used idx after 3 chains from 65534',
  crash: 'the back-end serves on after a message of an unknown request',
  stalled: 'the chain comes back after the kick',
  hang: 'GET_VRING_BASE is answered',
  leak: 'descriptors open after 8 repetitions',
  desync: 'the reply belongs to the request',
};
const expectations: Record<FailureKind, string> = {
  wrong: '1',
  crash: 'reply, or connection closed',
  stalled: '1 used element within 50 ms',
  hang: 'reply within 250 ms',
  leak: '12, as after the warm-up',
  desync: 'VHOST_USER_GET_VRING_BASE (11)',
};
const actuals: Record<FailureKind, string> = {
  wrong: '65535',
  crash: 'the process ended with SIGSEGV',
  stalled: 'none; the control completed in 0.4 ms',
  hang: 'silent; the control was silent as well',
  leak: '20: 8 × eventfd',
  desync: 'VHOST_USER_GET_FEATURES (1)',
};
