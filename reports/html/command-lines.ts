import { join } from 'shlex';

/** The command of a run as a POSIX shell takes it; of runs that were put side by side, which `;` parts, one each. */
export function commandLines(words: readonly string[]): string[] {
  const commands: string[][] = [[]];
  for (const word of words) {
    if (word === ';') commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands.map(join);
}
