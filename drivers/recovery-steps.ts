import type { RecoveryStep } from './port/port.ts';
import { isMadeForRun, isReachedBy, type Target } from './target.ts';

/** Every step that a target file may name, mildest first. */
export const recoverySteps = [
  'reconnect',
  'restart',
  'device-reset',
  'function-level-reset',
  'power-cycle',
] as const satisfies readonly RecoveryStep[];

/** Why a target cannot be recovered as it says; undefined when it can. */
export function problemOfRecovery(target: Target): string | undefined {
  const { recovery } = target;
  const possible = possibleSteps(target);
  const impossible = recovery.find((step) => !possible.includes(step));
  if (impossible !== undefined) return `cannot ${impossible}: it can ${possible.join(', ')}`;
  const repeated = recovery.find((step, at) => recovery.indexOf(step) !== at);
  return repeated === undefined ? undefined : `names ${repeated} twice`;
}

function possibleSteps(target: Target): readonly RecoveryStep[] {
  if (isMadeForRun(target)) return ['reconnect', 'restart'];
  return isReachedBy(target, 'vfio-pci') ? ['reconnect', 'function-level-reset'] : ['reconnect'];
}
