import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Target } from '../drivers/target.ts';
import { reasonOf } from '../reports/record/record-writer.ts';
import { UsageError } from './usage-error.ts';

const workload = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('block'),
    queueIndex: z.number().int().nonnegative(),
    companions: z.array(z.number().int().nonnegative()),
    sectors: z.number().int().positive(),
  }),
  z.strictObject({
    kind: z.literal('net'),
    queueIndex: z.number().int().nonnegative(),
    companions: z.array(z.number().int().nonnegative()),
    receiveIndex: z.number().int().nonnegative(),
    returns: z.enum(['same-port', 'second-port', 'tap', 'none']),
    reflects: z.enum(['unchanged', 'macs-swapped']),
  }),
]);

/** The form of a `--target-file`: a `Target` as JSON. */
const targetFile = z.strictObject({
  facts: z.strictObject({
    name: z.string().regex(/^[A-Za-z0-9._-]+$/, 'a name of letters, digits, dot, dash and underscore'),
    transport: z.literal('vhost-user'),
    device: z.enum(['block', 'net']),
    identity: z.string(),
    workload,
    capabilities: z.array(z.string()),
    ownedBy: z.record(z.string(), z.string()),
    requiredFeatures: z.array(z.string()),
    deadlineScale: z.number().positive(),
  }),
  start: z
    .strictObject({
      command: z.string(),
      arguments: z.array(z.string()),
      environment: z.record(z.string(), z.string()).optional(),
      files: z.record(z.string(), z.number().int().nonnegative()).optional(),
      keepStdinOpen: z.boolean().optional(),
      readyWithinMs: z.number().positive(),
    })
    .optional(),
  socket: z.string().min(1),
  versionCommand: z.array(z.string()).min(1).optional(),
  packages: z.array(z.string()).optional(),
  recovery: z.array(z.enum(['reconnect', 'restart'])),
});

/**
 * Reads a target that its owner describes.
 * @throws UsageError with one line that names the file and the field.
 */
export function readTargetFile(path: string): Target {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${path}: cannot be read as a target (${reasonOf(error)})`);
  }
  const parsed = targetFile.safeParse(value);
  if (parsed.success) return parsed.data as Target;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw new UsageError(`${path}: is no target: ${where}${issue?.message}`);
}
