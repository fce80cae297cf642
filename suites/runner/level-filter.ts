/** `must`: what the text demands; `should`: that and what it recommends; `all`: also what no text says. */
export const levelFilters = ['must', 'should', 'all'] as const;
export type LevelFilter = (typeof levelFilters)[number];
