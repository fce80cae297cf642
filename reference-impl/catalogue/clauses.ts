/** Where a clause stands in each version of its text that was read: written and compared by scripts/clauses.mjs. */
import clauses from './clauses.json' with { type: 'json' };

/**
 * Number and anchor of the published page (empty where the text has none), file and line in its sources, and the heading
 * there, where it is not the last of the clause.
 */
export type ClausePlace = readonly string[];

/** Clause to version to place. */
export function allClauses(): Readonly<Record<string, Readonly<Record<string, ClausePlace>>>> {
  return clauses;
}
