/** The parser of an option that may be said several times: each value joins those before it. */
export const several = (value: string, before: readonly string[]): string[] => [...before, value];
