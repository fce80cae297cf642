import type { MakeProgress } from './progress.ts';
import { ProgressLines } from './progress-lines.ts';

/** Some terminals tell a width of 0: nothing can be drawn there. */
const narrowest = 40;

/** A bar on a terminal, else plain lines. */
export async function progressOn(stream: NodeJS.WriteStream): Promise<MakeProgress> {
  const isTerminal = stream.isTTY === true && process.env['CI'] === undefined && process.env['TERM'] !== 'dumb';
  if (!isTerminal || stream.columns < narrowest) return (totals) => new ProgressLines(stream, totals);
  // Loaded for a terminal alone: its package takes a while to load.
  const { ProgressBar } = await import('./progress-bar.ts');
  return (totals) => new ProgressBar(stream, totals);
}
