import { DriverUsageError } from './errors.ts';
import type { RecoveryStep } from './port/port.ts';
import type { AnyTarget } from './target.ts';

/** Every step that a target file may name, mildest first. */
export const recoverySteps = [
  'reconnect',
  'restart',
  'device-reset',
  'function-level-reset',
  'power-cycle',
] as const satisfies readonly RecoveryStep[];

/** The steps that can be taken with a target. */
function stepsOf(target: AnyTarget): readonly RecoveryStep[] {
  const isOurs =
    target.start !== undefined || 'vhostMdev' in target || ('kernelMdev' in target && 'type' in target.kernelMdev);
  return isOurs ? ['reconnect', 'restart'] : ['reconnect'];
}

/** Why a target cannot be recovered as it says; undefined when it can. */
export function problemOfRecovery(target: AnyTarget, recovery: readonly RecoveryStep[]): string | undefined {
  const possible = stepsOf(target);
  const impossible = recovery.find((step) => !possible.includes(step));
  if (impossible !== undefined) return `cannot ${impossible}: it can ${possible.join(', ')}`;
  const repeated = recovery.find((step, at) => recovery.indexOf(step) !== at);
  return repeated === undefined ? undefined : `names ${repeated} twice`;
}

/** @throws DriverUsageError for a step that the target cannot take. */
export function checkRecovery(target: AnyTarget, recovery: readonly RecoveryStep[]): void {
  const problem = problemOfRecovery(target, recovery);
  if (problem !== undefined) throw new DriverUsageError(`${target.facts.name}: recovery: ${problem}`);
}
