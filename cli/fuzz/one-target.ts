import { builtTarget } from '../native-targets/built-targets.ts';
import { type TargetArgument, type TargetOptions, targetsOf } from '../target-argument.ts';
import { UsageError } from '../usage-error.ts';
import { isFuzzed } from './fuzzed-transports.ts';

/** The one target that a command line names. @throws UsageError */
export async function targetOf(name: string | undefined, options: TargetOptions): Promise<TargetArgument> {
  const [target, another] = targetsOf(name === undefined ? [] : [name], options, 'run');
  if (target === undefined || another !== undefined) throw new UsageError('name one target');
  const { name: called, transport } = target.target.facts;
  if (!isFuzzed(transport)) throw new UsageError(`${called}: programs have no calls of ${transport} yet`);
  return await builtTarget(target);
}
