import { nativeBuildOf } from '../../fixtures/native-targets/index.ts';
import { CacheDirectory } from '../guest/cache-directory.ts';
import { defaultCachePath } from '../guest/cache-path.ts';
import { GuestError } from '../guest/guest-error.ts';
import { Interruption } from '../interruption.ts';
import type { TargetArgument } from '../target-argument.ts';
import { complain } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { nativeProgram } from './native-program.ts';

/**
 * The target with the program that it starts; builds that where it is one of ours and is not in the cache.
 * @throws UsageError with one line.
 */
export async function builtTarget(argument: TargetArgument): Promise<TargetArgument> {
  const { target, words } = argument;
  const { name } = target.facts;
  const build = nativeBuildOf(name);
  if (build === undefined || target.start === undefined) return argument;
  const aborter = new AbortController();
  const interruption = new Interruption(() => aborter.abort());
  try {
    const command = await nativeProgram(name, build, {
      cache: new CacheDirectory(defaultCachePath('native-targets')),
      signal: aborter.signal,
      say: (line) => complain(`${name}: ${line}`),
    });
    const versionCommand = target.versionCommand?.map((word, at) => (at === 0 ? command : word));
    const built = { ...target, start: { ...target.start, command } };
    return { target: versionCommand === undefined ? built : { ...built, versionCommand }, words };
  } catch (error) {
    if (interruption.happened) process.exit(interruption.exitCode);
    if (!(error instanceof GuestError)) throw error;
    throw new UsageError(`${name}: ${error.message}`);
  } finally {
    interruption.stopListening();
  }
}

/** The same for all targets of a run. @throws UsageError */
export async function builtTargets<R extends BuiltOf>(request: R): Promise<R> {
  const targets: TargetArgument[] = [];
  for (const target of request.targets) targets.push(await builtTarget(target));
  const pairs = new Map<string, TargetArgument>();
  for (const [name, pair] of request.pairs) pairs.set(name, await builtTarget(pair));
  return { ...request, targets, pairs };
}

interface BuiltOf {
  readonly targets: readonly TargetArgument[];
  readonly pairs: ReadonlyMap<string, TargetArgument>;
}
