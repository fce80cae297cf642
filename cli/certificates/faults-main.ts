import { parseArgs } from 'node:util';
import { isCertified } from '../../certificates/decision.ts';
import { allProfiles, type Profile } from '../../certificates/profile.ts';
import { refusalLines } from '../../certificates/verification.ts';
import { didYouMean } from '../../drivers/near-matches.ts';
import { type FaultName, faultNames, isFaultName } from '../../reference-impl/faults/faults.ts';
import type { MergedRun } from '../../reports/merge-runs.ts';
import { counted } from '../counted.ts';
import { endedByWords, isNoOptions, type NoOptions } from '../development-command.ts';
import { spreadOver } from '../fault-rows.ts';
import { claimOfReference, concernedBy, decidedFor, refusalOf, showingOf } from './fault-refusals.ts';
import { referenceRun } from './reference-run.ts';
import { suiteFacts } from './suite-facts.ts';

const usage = `usage: npm run certificates:faults -- [--sample N] [--profile ID]... [FAULT...]

Puts one fault at a time into the reference and asks for a certificate by every profile that the fault concerns: its
requirement is on the must-pass list of a device, and a case that names the fault applies there. The reference without a
fault has to get each certificate; with the fault it has to be refused, for that requirement.

  FAULT       try these faults; without one, faults are chosen evenly over all that concern a profile
  --sample N  choose so many (default: 30)
  --profile ID  ask by these profiles alone
  --help      print this

Exit status: 0 if each certificate is given and refused as it has to be, else 1; 2 for wrong usage.
`;

interface Options {
  readonly names: readonly FaultName[];
  readonly sample: number;
  readonly profiles: readonly Profile[];
}

function optionsOf(words: readonly string[]): Options | NoOptions {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        sample: { type: 'string', default: '30' },
        profile: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) return 'help';
    if (!/^[1-9]\d{0,4}$/.test(values.sample)) return { wrong: `--sample ${values.sample}: a number from 1 is wanted` };
    const unknown = positionals.find((name) => !isFaultName(name));
    if (unknown !== undefined) return { wrong: `${unknown}: no such fault${didYouMean(unknown, faultNames)}` };
    const ids = allProfiles().map(({ id }) => id);
    const other = values.profile.find((id) => !ids.includes(id));
    if (other !== undefined) return { wrong: `--profile ${other}: no such profile; there are ${ids.join(', ')}` };
    const profiles = allProfiles().filter(({ id }) => values.profile.length === 0 || values.profile.includes(id));
    return { names: positionals.filter(isFaultName), sample: Number(values.sample), profiles };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}

function main(words: readonly string[]): number {
  const options = optionsOf(words);
  if (isNoOptions(options)) return endedByWords('certificates:faults', usage, options);
  const concerning = faultNames
    .filter((name) => options.names.length === 0 || options.names.includes(name))
    .map((name) => ({
      name,
      places: options.profiles.map((profile) => ({ profile, devices: concernedBy(name, profile) })),
    }))
    .filter(({ places }) => places.some(({ devices }) => devices.length > 0));
  const tried = options.names.length > 0 ? concerning : spreadOver(concerning, options.sample, 0);
  process.stderr.write(`${counted(concerning.length, 'fault')} concern a profile; ${tried.length} are tried\n`);
  const suite = suiteFacts();
  const runs = new Map<string, MergedRun>();
  let problems = 0;
  const rightRun = (profile: Profile, device: Parameters<typeof referenceRun>[1]): MergedRun => {
    const key = `${profile.id} ${device}`;
    const known = runs.get(key);
    if (known !== undefined) return known;
    const run = referenceRun(showingOf(profile), device, profile, suite);
    runs.set(key, run);
    const decision = decidedFor(run, claimOfReference(run, profile), profile, suite);
    if (!isCertified(decision)) problems++;
    const passed = decision.scopes.map((scope) => `${scope.passed} of ${scope.of}`).join();
    process.stdout.write(`${isCertified(decision) ? 'ok' : 'not ok'} ${key} without a fault: certified, ${passed}\n`);
    for (const line of isCertified(decision) ? [] : refusalLines(decision)) process.stderr.write(`  ${line}\n`);
    return run;
  };
  for (const { name, places } of tried) {
    for (const { profile, devices } of places.filter((place) => place.devices.length > 0)) {
      const refused = devices.map((device) => refusalOf(name, profile, device, rightRun(profile, device), suite));
      // A fault of a device type shows there alone.
      const isRefused = refused.some((one) => one.isRefused);
      if (!isRefused) problems++;
      const by = refused.filter((one) => one.isRefused).map((one) => `${one.device} by ${one.by.join(' and ')}`);
      process.stdout.write(`${isRefused ? 'ok' : 'not ok'} ${name}: ${profile.id}: ${by.join(', ') || 'certified'}\n`);
    }
  }
  process.stderr.write(`${counted(tried.length, 'fault')}, ${counted(problems, 'problem')}\n`);
  return problems === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
