/**
 * Ids of cases that moved, each with the cases that prove the same now. An id is never used again: what names a retired
 * one (`--case`, expectations, verdicts that were kept) means its successors.
 */
export const retiredIds: Readonly<Record<string, readonly string[]>> = {};

/** A pattern with the ids that took the place of a retired one; brackets of a key stay. Undefined for any other pattern. */
export function successorsOf(
  pattern: string,
  retired: Readonly<Record<string, readonly string[]>> = retiredIds,
): string[] | undefined {
  const bracket = pattern.indexOf('[');
  const id = bracket < 0 ? pattern : pattern.slice(0, bracket);
  const rest = bracket < 0 ? '' : pattern.slice(bracket);
  return Object.hasOwn(retired, id) ? retired[id]?.map((successor) => successor + rest) : undefined;
}
