import { applicabilityBeforeOffer } from '../suites/runner/applicability.ts';
import { plannedResults, shardOf } from '../suites/runner/plan.ts';
import { requestsMissing } from '../suites/runner/request-needs.ts';
import { counted } from './counted.ts';
import type { RunRequest } from './run-request.ts';

/** Prints what a run would do, target by target, and starts nothing. */
export function printDryRun(request: RunRequest, out: { write(text: string): unknown }): void {
  const { targets, pairs, cases, options } = request;
  const shard = options.shard ?? { index: 1, of: 1 };
  const owed = shardOf(
    plannedResults(
      cases,
      targets.map(({ target }) => target.facts),
      options.repeat,
    ),
    shard,
  );
  const byKey = new Map(cases.map((planned) => [planned.key, planned]));
  for (const { target } of targets) {
    const facts = { ...target.facts, version: '' };
    const pair = pairs.get(facts.name)?.target.facts;
    const other = pair === undefined ? undefined : { ...pair, version: '' };
    const results = owed.filter((result) => result.target === facts.name);
    const lines = results.map(({ key, repetition }) => {
      const planned = byKey.get(key);
      const missing =
        planned === undefined
          ? []
          : [
              ...applicabilityBeforeOffer(planned.definition, facts, other),
              ...requestsMissing(planned.definition, planned.variant, facts),
            ];
      const again = repetition === 0 ? '' : ` (repetition ${repetition})`;
      return { text: `  ${key}${again}${missing.length === 0 ? '' : `: missing ${missing.join(', ')}`}`, missing };
    });
    const inapplicable = lines.filter(({ missing }) => missing.length > 0).length;
    out.write(`${facts.name}: ${counted(results.length, 'result')}, ${inapplicable} not applicable with any offer\n`);
    for (const { text } of lines) out.write(`${text}\n`);
  }
  out.write(`${counted(owed.length, 'result')} in all; what the offered features decide is known once a target runs\n`);
}
