import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, resolve } from 'node:path';
import { z } from 'zod';
import { DriverUsageError } from './errors.ts';
import { problemOfRecovery, recoverySteps } from './recovery-steps.ts';
import type { Target } from './target.ts';

const index = z.int().min(0).max(255);

const workload = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('block'),
    queueIndex: index,
    companions: z.array(index),
    sectors: z.int().positive(),
  }),
  z.strictObject({
    kind: z.literal('net'),
    queueIndex: index,
    companions: z.array(index),
    receiveIndex: index,
    returns: z.enum(['same-port', 'second-port', 'tap', 'none']),
    reflects: z.enum(['unchanged', 'macs-swapped']),
  }),
]);

const facts = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, dashes and underscores'),
  transport: z.enum(['vhost-user', 'vhost-kernel', 'vhost-vdpa', 'vhost-mdev', 'virtio-pci']),
  device: z.enum(['block', 'net']),
  identity: z.string().min(1),
  workload,
  capabilities: z.array(z.string()).default([]),
  ownedBy: z.record(z.string(), z.string()).default({}),
  requiredFeatures: z.array(z.string()).default([]),
  deadlineScale: z.number().positive().max(1000).default(1),
});

const start = z.strictObject({
  command: z.string().min(1),
  arguments: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).exactOptional(),
  files: z
    .record(
      z.string().regex(/^[^/]+$/, 'a name within the directory'),
      z
        .int()
        .min(0)
        .max(2 ** 40),
    )
    .exactOptional(),
  keepStdinOpen: z.boolean().exactOptional(),
  readyWithinMs: z.int().positive().default(5000),
  busyCores: z.int().min(0).max(1024).exactOptional(),
});

const targetSchema = z
  .strictObject({
    facts,
    start: start.exactOptional(),
    socket: z.string().min(1),
    versionCommand: z.array(z.string()).min(1).exactOptional(),
    packages: z.array(z.string()).exactOptional(),
    recovery: z.array(z.enum(recoverySteps)).default(['reconnect']),
  })
  .refine((target) => target.facts.workload.kind === target.facts.device, {
    path: ['facts', 'workload', 'kind'],
    message: 'is not of the kind that facts.device says',
  })
  .superRefine((target, context) => {
    const problem = problemOfRecovery(target, target.recovery);
    if (problem !== undefined) context.addIssue({ code: 'custom', path: ['recovery'], message: problem });
  });

/** A target from a value that somebody wrote; `where` begins each message. @throws DriverUsageError with one line. */
export function parseTarget(value: unknown, where: string): Target {
  const result = targetSchema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => {
    const field = path.map(String).join('.');
    return field === '' ? message : `${field}: ${message}`;
  });
  throw new DriverUsageError(`${where}: ${problems.join('; ').replaceAll('\n', ' ')}`);
}

const reason = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';

/** The default export of a module, which must not wait for anything at its top level. */
function defaultExport(path: string): unknown {
  const module: unknown = createRequire(import.meta.url)(path);
  if (typeof module !== 'object' || module === null || !('default' in module)) {
    throw new DriverUsageError('it has no default export');
  }
  return module.default;
}

/**
 * Reads a target from a file: JSON, or a module (`.mjs`) whose default export it is.
 * @throws DriverUsageError with one line that begins with the file.
 */
export function readTargetFile(file: string): Target {
  const path = resolve(file);
  const kind = extname(path);
  if (kind !== '.json' && kind !== '.mjs') throw new DriverUsageError(`${file}: it is neither .json nor .mjs`);
  let value: unknown;
  try {
    value = kind === '.mjs' ? defaultExport(path) : JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new DriverUsageError(`${file}: ${reason(error)}`);
  }
  return parseTarget(value, file);
}
