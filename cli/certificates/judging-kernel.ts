import type { JudgingMachine } from '../../certificates/environment.ts';
import type { Target } from '../../drivers/target.ts';
import { runOnThisKernel } from '../run-on-this-kernel.ts';
import type { RunOptions } from '../run-request.ts';
import type { RunCommand } from '../target-argument.ts';
import { machineHere } from './machine-here.ts';

/** The exit code of a run, and where it ran: undefined where nothing was run. */
export interface JudgedRun {
  readonly code: number;
  readonly machine: JudgingMachine | undefined;
}

/** The kernel on which a claim is judged. */
export interface JudgingKernel {
  readonly command: RunCommand;
  /** @param pciIds of the claim: such functions are told. */
  judge(
    names: readonly string[],
    options: RunOptions,
    targets: readonly Target[],
    pciIds: readonly string[],
  ): Promise<JudgedRun>;
}

export const thisJudgingKernel: JudgingKernel = {
  command: 'run',
  judge: async (names, options, targets, pciIds) => {
    const code = await runOnThisKernel(names, options);
    return { code, machine: machineHere(targets, pciIds) };
  },
};
