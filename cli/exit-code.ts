import { VhostConformanceError } from '../reference-impl/errors.ts';
import { oneLine } from './one-line.ts';

/**
 * The exit code of work. A failure that is not a defect of this program is one line on standard error, and 2.
 * @throws what is a defect.
 */
export async function exitCodeOf(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof VhostConformanceError)) throw error;
    process.stderr.write(`vhost-conformance: ${oneLine(error.message)}\n`);
    return 2;
  }
}
