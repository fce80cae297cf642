#!/usr/bin/env node
import { VhostConformanceError } from '../reference-impl/errors.ts';
import { tooFewDescriptors } from './descriptor-limit.ts';
import { oneLine } from './one-line.ts';
import { UsageError } from './usage-error.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe may leave early (`list cases | head`).
  if (error.code !== 'EPIPE') throw error;
});
try {
  const problem = tooFewDescriptors();
  if (problem !== undefined) throw new UsageError(problem);
  // Imported here, because a part may be missing: an addon that was not built is reported in one line as well.
  const { main } = await import('./program.ts');
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // Every failure that is not a defect of this program is one line on standard error.
  if (!(error instanceof VhostConformanceError)) throw error;
  process.stderr.write(`vhost-conformance: ${oneLine(error.message)}\n`);
  process.exitCode = 2;
}
