import { allCases } from '../suites/all-cases.ts';
import { printDryRun } from './dry-run.ts';
import { giveBack } from './hardware/borrowed-functions.ts';
import { thisKernel } from './host-supervisor.ts';
import { builtTargets } from './native-targets/built-targets.ts';
import { requestedRun } from './requested-run.ts';
import { rootOfRun, runPlan } from './run-command.ts';
import type { RunOptions } from './run-request.ts';
import { complain } from './terminal.ts';

/** `run`: judges targets here. Returns the exit code. @throws UsageError, RecordError */
export async function runOnThisKernel(names: readonly string[], options: RunOptions): Promise<number> {
  try {
    const { request, resumed } = requestedRun(names, options, 'run');
    if (!request.options.dryRun) {
      const root = rootOfRun(request, resumed);
      return await runPlan(await builtTargets(request), allCases, resumed, thisKernel, root);
    }
    printDryRun(request, process.stdout);
    return 0;
  } finally {
    for (const problem of await giveBack()) complain(problem);
  }
}
