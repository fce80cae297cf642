import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { instanceDirectory } from '../../../fuzz/campaign/instances.ts';
import { journalName } from '../../../fuzz/campaign/journal.ts';
import { programOf, type Slice, type SliceResult } from '../../../fuzz/campaign/slice.ts';
import { layOut, resultIn } from '../../../fuzz/campaign/slice-directory.ts';
import { printProgram } from '../../../fuzz/program/print-program.ts';
import type { CampaignWork } from '../../host-protocol.ts';
import { thisKernel } from '../../host-supervisor.ts';
import type { TargetArgument } from '../../target-argument.ts';
import { oneHost } from '../one-host.ts';

/** Hosts of one slice that die before it is given up. */
const mostDeaths = 3;
const instance = 'slice';

/** A slice that a signal kept from its end: another worker may have it. */
export class SliceInterrupted extends Error {}

/**
 * Runs a slice on the target of this worker, in an empty directory that is removed behind it.
 * @throws SliceInterrupted; Error with one line where the target does not serve, or host processes die.
 */
export async function runSlice({ target }: TargetArgument, slice: Slice, scratch: string): Promise<SliceResult> {
  const directory = join(scratch, 'campaign');
  try {
    mkdirSync(directory, { recursive: true });
    layOut(directory, slice);
    return await untilItsEnd(directory, scratch, target, slice);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function untilItsEnd(
  directory: string,
  scratch: string,
  target: TargetArgument['target'],
  slice: Slice,
): Promise<SliceResult> {
  const { seed, runs, seeds } = slice;
  const work: CampaignWork = {
    kind: 'campaign',
    directory,
    instance,
    seeds: seeds.map((text) => printProgram(programOf(text))),
    seed,
    runs,
    targetWords: [],
    isWithoutC: true,
  };
  const journal = join(instanceDirectory(directory, instance), journalName);
  const under: Uint8Array[] = [];
  let served: SliceResult['served'] | undefined;
  for (let deaths = 0; ; ) {
    const end = await oneHost(
      thisKernel,
      { target, scratch, root: directory, parentPid: process.pid, work },
      () => undefined,
      {
        ready: ({ identity, version, binaryHash }) => {
          served = { identity, version, ...(binaryHash === undefined ? {} : { binaryHash }) };
        },
      },
    );
    if (end.exitCode !== undefined) throw new SliceInterrupted(end.why);
    if (end.kind === 'completed' && served !== undefined) return resultIn(directory, instance, slice, served, under);
    if (!end.isDeath) throw new Error(`${target.facts.name}: ${end.why}`);
    if (existsSync(journal)) under.push(readFileSync(journal));
    if (++deaths === mostDeaths) throw new Error(`${target.facts.name}: ${deaths} host processes died: ${end.why}`);
  }
}
