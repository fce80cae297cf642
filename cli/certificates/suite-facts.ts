import type { SuiteFacts } from '../../certificates/verification.ts';
import { catalogueHash } from '../../reference-impl/catalogue/catalogue.ts';
import { namedAxes } from '../../reports/record/axes.ts';
import { allCases } from '../../suites/all-cases.ts';
import { selectCases } from '../../suites/runner/plan.ts';
import { requirementFacts, snapshotOfCatalogue } from '../catalogue-facts.ts';
import { suiteVersion } from '../suite-version.ts';

let known: SuiteFacts | undefined;

/** What this suite would run, and its catalogue. */
export function suiteFacts(): SuiteFacts {
  known ??= factsNow();
  return known;
}

function factsNow(): SuiteFacts {
  const planned = selectCases(allCases, { cases: [], features: [], level: 'all' }, requirementFacts);
  const ofText = selectCases(allCases, { cases: [], features: [], level: 'should' }, requirementFacts);
  const keysOfText = new Set(ofText.map(({ key }) => key));
  return {
    name: 'vhost-conformance',
    version: suiteVersion(),
    catalogueHash: catalogueHash(),
    // As it is read from a file: without what is undefined.
    catalogue: JSON.parse(JSON.stringify(snapshotOfCatalogue(allCases))),
    plan: planned.map(({ key, definition, axes }) => ({
      key,
      caseId: definition.id,
      isOfText: keysOfText.has(key),
      isFirstPlace: Object.keys(namedAxes(axes)).length === 0,
      isWatched: definition.unwatched === undefined,
    })),
  };
}
