import { join } from 'node:path';
import type { CoveringCase } from '../reports/covered-catalogue.ts';
import { coveredCatalogue } from '../reports/covered-catalogue.ts';
import { makeDirectory } from '../reports/record/run-directory.ts';
import { replaceRunFile } from '../reports/record/run-file.ts';
import { coverageReport } from '../reports/reporters/html.ts';
import { allCases } from '../suites/all-cases.ts';
import { axesOf, layoutOf, requirementOn } from '../suites/axes.ts';
import type { AnyCase } from '../suites/case.ts';
import { snapshotOfCatalogue } from './catalogue-facts.ts';
import { checkOut } from './run-request.ts';
import { print } from './terminal.ts';

/** `report --coverage`: the page of every rule with its cases and faults, or why it has none. @throws UsageError */
export function writeCoverageReport(out: string): void {
  const root = checkOut(out);
  const covered = coveredCatalogue(snapshotOfCatalogue(allCases), casesByRule(allCases));
  makeDirectory(root);
  const path = join(root, 'coverage.html');
  replaceRunFile(path, coverageReport(covered));
  print(`Coverage: ${path}`);
}

/** A rule of one ring layout is reported by the cases of its counterpart, and proven by their faults. */
function casesByRule(cases: readonly AnyCase[]): Map<string, CoveringCase[]> {
  const found = new Map<string, CoveringCase[]>();
  for (const definition of cases) {
    const layouts = [...new Set(axesOf(definition).map((axes) => layoutOf(definition, axes)))];
    for (const [cited, proof] of Object.entries(definition.proves)) {
      const faults = typeof proof === 'string' ? [proof] : [...(proof ?? [])];
      for (const rule of new Set(layouts.map((layout) => requirementOn(layout, cited)))) {
        found.set(rule, [...(found.get(rule) ?? []), { id: definition.id, faults }]);
      }
    }
  }
  return found;
}
