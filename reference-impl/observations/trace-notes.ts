/** Notes of a trace by which it is read. */

/** Stands in a trace before the first used element of a ring of which it does not tell all chains. */
export const chainsUntraced = 'chains were added to this ring that the trace does not tell';

/** Stands in a trace before a ring of which a case may do anything: its used elements are no business of the oracle. */
export const setUpByMessages = (index: number): string => `ring ${index}: a case makes it known by messages of its own`;
