import type { Target } from '../drivers/target.ts';
import { readTargetFile as readFile } from '../drivers/target-file.ts';
import { DriverUsageError } from '../reference-impl/errors.ts';
import { UsageError } from './usage-error.ts';

/**
 * Reads a target that its owner describes.
 * @throws UsageError with one line that names the file and the field.
 */
export function readTargetFile(path: string): Target {
  try {
    return readFile(path);
  } catch (error) {
    if (error instanceof DriverUsageError) throw new UsageError(error.message);
    throw error;
  }
}
