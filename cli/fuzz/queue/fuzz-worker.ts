import { checkJobs } from '../../instances.ts';
import type { FuzzWorkerOptions } from '../command-options.ts';
import { targetOf } from '../one-target.ts';
import { queuePlaceOf } from './queue-place.ts';
import { workOnQueue } from './work-on-queue.ts';

/** Runs slices of campaigns on a target. Returns the exit code. @throws UsageError */
export async function fuzzWorker(name: string | undefined, options: FuzzWorkerOptions): Promise<number> {
  const { jobs, lostAfter, queue, allowRemoteQueue } = options;
  const place = queuePlaceOf(queue, allowRemoteQueue);
  const argument = await targetOf(name, options);
  checkJobs(argument.target, jobs, 'run');
  return await workOnQueue(argument, place, { jobs, lostAfterS: lostAfter });
}
