/** Words of a command line that ask for its usage, or are wrong. */
export type NoOptions = 'help' | { readonly wrong: string };

export const isNoOptions = (options: object | 'help'): options is NoOptions => options === 'help' || 'wrong' in options;

/** Prints the usage, or what is wrong with the words; the exit status. */
export function endedByWords(name: string, usage: string, options: NoOptions): 0 | 2 {
  if (options === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  process.stderr.write(`${name}: ${options.wrong}\n`);
  return 2;
}

/** Cleans up when this process ends, also by a signal that asks for it. */
export function atEnd(clean: () => void): void {
  process.on('exit', clean);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
}
