import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { reference, referenceNet } from '../fixtures/targets/reference.ts';
import { isRequirementSlug } from '../reference-impl/catalogue/catalogue.ts';
import type { MergedRun } from '../reports/merge-runs.ts';
import { requirementVerdicts } from '../reports/requirement-verdicts.ts';

/** By target that is not ours: the requirements of which it passed every case that applied to it. */
export type WitnessList = Readonly<Record<string, readonly string[]>>;

const witnessList = z.record(z.string(), z.array(z.string()));
const ours = [reference, referenceNet].map(({ facts }) => facts.name);

export const witnessListPath = new URL('../../fixtures/expectations/witnesses.json', import.meta.url);

/** @throws SyntaxError, ZodError for a file that is no such list. */
export function readWitnesses(path: URL = witnessListPath): WitnessList {
  return witnessList.parse(JSON.parse(readFileSync(path, 'utf8')));
}

export function writeWitnesses(list: WitnessList, path: URL = witnessListPath): void {
  writeFileSync(path, `${JSON.stringify(list, undefined, 2)}\n`);
}

/** The list with what the run's targets passed. Who passed once stays a witness while the requirement exists. */
export function withWitnessesOf(run: MergedRun, before: WitnessList): WitnessList {
  const passed = new Map(Object.entries(before).map(([target, slugs]) => [target, new Set(slugs)]));
  for (const { rows } of requirementVerdicts(run)) {
    for (const { requirement, verdicts } of rows) {
      for (const { target, verdict } of verdicts) {
        if (verdict !== 'pass' || ours.includes(target)) continue;
        passed.set(target, (passed.get(target) ?? new Set()).add(requirement.id));
      }
    }
  }
  const targets = [...passed.keys()].sort();
  return Object.fromEntries(
    targets.map((target) => [target, [...(passed.get(target) ?? [])].filter(isRequirementSlug).sort()]),
  );
}
