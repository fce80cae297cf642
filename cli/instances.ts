import { isMadeForRun, type Target } from '../drivers/target.ts';
import type { RunCommand } from './target-argument.ts';
import { UsageError } from './usage-error.ts';

/** @throws UsageError with one line for a target of which several instances cannot be judged at once. */
export function checkJobs(target: Target, jobs: number, place: RunCommand): void {
  if (jobs === 1) return;
  const why = whyOnlyOne(target, place);
  if (why !== undefined) throw new UsageError(`--jobs ${jobs}: ${target.facts.name} ${why}; leave --jobs out`);
}

function whyOnlyOne(target: Target, place: RunCommand): string | undefined {
  if (target.reach.via === 'vfio-pci') return 'is one function of one machine';
  if (['mdev', 'vhost-vdpa', 'vhost-net'].includes(target.reach.via))
    return 'is a device of a kernel, and shares that kernel with its other instances';
  if (place === 'guest') return 'would share the kernel of the guest with its other instances';
  if (isMadeForRun(target)) return undefined;
  return 'is served already, by one process that is not ours to start again';
}

export interface Instances {
  readonly count: number;
  /** Why these are fewer than were asked for. */
  readonly note?: string;
}

/** How many instances of a target are judged at once. @param cores of this machine. */
export function instancesOf(
  { facts, start }: Target,
  { jobs, point }: { readonly jobs: number; readonly point?: string },
  cores: number,
): Instances {
  if (point !== undefined) return { count: 1 };
  const busy = start?.busyCores ?? 0;
  // An instance and its host take turns unless the instance polls.
  const most = Math.max(1, Math.floor(cores / (busy + 1)));
  if (jobs <= most) return { count: jobs };
  const wants = busy === 0 ? '' : `, and an instance keeps ${busy === 1 ? 'one' : busy} of them busy`;
  const count = most === 1 ? 'one instance' : `${most} instances`;
  return { count: most, note: `${facts.name}: ${count} at once, not ${jobs}: there are ${cores} cores${wants}` };
}

/** What the records of a host say of its instance: nothing where there is one. */
export function instanceOf({ instance }: { readonly instance?: number | undefined }): { readonly instance?: number } {
  return instance === undefined ? {} : { instance };
}
