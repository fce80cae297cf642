import { UsageError } from './usage-error.ts';

/** A command line that a POSIX shell splits into exactly these words. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

function shellWord(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Splits a command line at blanks, as a shell does: quotes and backslashes keep blanks, nothing is expanded.
 * @throws UsageError for an open quote.
 */
export function splitShellLine(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const letter = line.charAt(at);
    if (quote !== '' && letter === quote) {
      quote = '';
    } else if (letter === '\\' && quote !== "'") {
      word = (word ?? '') + line.charAt(++at);
    } else if (quote !== '') {
      word = (word ?? '') + letter;
    } else if (letter === "'" || letter === '"') {
      quote = letter;
      word ??= '';
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + letter;
    }
  }
  if (quote !== '') throw new UsageError(`${line}: a quote is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}
