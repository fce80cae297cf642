import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { targets } from '../fixtures/targets/index.ts';
import { isRequirementSlug } from '../reference-impl/catalogue/catalogue.ts';
import type { MergedRun } from '../reports/merge-runs.ts';
import { requirementVerdicts } from '../reports/requirement-verdicts.ts';

/** By target, our references left out: the requirements of which it passed every case that applied to it. */
export type WitnessList = Readonly<Record<string, readonly string[]>>;

const witnessList = z.record(z.string(), z.array(z.string()));
const references = targets
  .filter(({ facts }) => facts.identity.startsWith('vhost-conformance reference'))
  .map(({ facts }) => facts.name);
const kernelModules = targets.filter(({ reach }) => reach.via === 'mdev').map(({ facts }) => facts.name);

/**
 * Whether a pass of the target says something about a requirement that our reference does not. Our kernel module was
 * written from the texts without the reference, so it counts for what the texts of vhost-mdev state; what we chose
 * where they are silent, and virtio, need a pass of another implementation.
 */
function isWitness(target: string, { area, basis }: { readonly area: string; readonly basis: string }): boolean {
  if (references.includes(target)) return false;
  return !kernelModules.includes(target) || (area.startsWith('vhost-mdev') && basis === 'fact');
}

const witnessListPath = new URL('../../fixtures/expectations/witnesses.json', import.meta.url);

/** @throws SyntaxError, ZodError for a file that is no such list. */
export function readWitnesses(path: URL = witnessListPath): WitnessList {
  return witnessList.parse(JSON.parse(readFileSync(path, 'utf8')));
}

export function writeWitnesses(list: WitnessList, path: URL = witnessListPath): void {
  writeFileSync(path, `${JSON.stringify(list, undefined, 2)}\n`);
}

/** The list with what the run's targets passed. A target that passed once stays a witness while the requirement exists. */
export function withWitnessesOf(run: MergedRun, before: WitnessList): WitnessList {
  const passed = new Map(Object.entries(before).map(([target, slugs]) => [target, new Set(slugs)]));
  for (const { rows } of requirementVerdicts(run)) {
    for (const { requirement, verdicts } of rows) {
      for (const { target, verdict } of verdicts) {
        if (verdict !== 'pass' || !isWitness(target, requirement)) continue;
        passed.set(target, (passed.get(target) ?? new Set()).add(requirement.id));
      }
    }
  }
  const targets = [...passed.keys()].sort();
  return Object.fromEntries(
    targets.map((target) => [target, [...(passed.get(target) ?? [])].filter(isRequirementSlug).sort()]),
  );
}
