#!/usr/bin/env node
import { tooFewDescriptors } from './descriptor-limit.ts';
import { exitCodeOf } from './exit-code.ts';
import { UsageError } from './usage-error.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe may leave early (`list cases | head`).
  if (error.code !== 'EPIPE') throw error;
});
process.exitCode = await exitCodeOf(async () => {
  const problem = tooFewDescriptors();
  if (problem !== undefined) throw new UsageError(problem);
  // Imported here, because a part may be missing: an addon that was not built is reported in one line as well.
  const { main } = await import('./program.ts');
  return await main(process.argv.slice(2));
});
