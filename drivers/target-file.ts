import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, extname, resolve } from 'node:path';
import { z } from 'zod';
import { allFeatures, type FeatureName, isFeatureName } from '../reference-impl/catalogue/features.ts';
import { allSources } from '../reference-impl/catalogue/sources.ts';
import { conflictingVersions } from '../reference-impl/catalogue/text-standing.ts';
import { transports } from '../reference-impl/catalogue/transport.ts';
import { inWords, placedWords } from '../reference-impl/schema-words.ts';
import { deviceNames } from './devices/device-names.ts';
import { deviceTypeOf } from './devices/device-types.ts';
import { DriverUsageError } from './errors.ts';
import { outsideOfDirectory } from './iut-process/iut-directory.ts';
import { didYouMean } from './near-matches.ts';
import { type Capability, capabilities, isCapability } from './port/capabilities.ts';
import { problemOfSetUp, ringSetUp } from './port/ring-set-up.ts';
import type { WorkloadFacts } from './port/target-facts.ts';
import { misfit, type Reach, type Via } from './reach.ts';
import { problemOfRecovery, recoverySteps } from './recovery-steps.ts';
import { lifetimes, type Target } from './target.ts';

const driverKind = z.looseObject({ kind: z.enum(deviceNames) });

/** Each driver has facts of its own. */
const workload = z.unknown().transform((value, context): WorkloadFacts => {
  const kind = driverKind.safeParse(value, inWords);
  const read = kind.success ? deviceTypeOf(kind.data.kind).workload.safeParse(value, inWords) : kind;
  if (read.success && kind.success) return read.data as WorkloadFacts;
  for (const { path, message } of read.error?.issues ?? [])
    context.addIssue({ code: 'custom', path: [...path], message });
  return z.NEVER;
});

const capabilityNames = Object.keys(capabilities);

const capability = z.string().transform((name, context): Capability => {
  if (isCapability(name)) return name;
  const near = didYouMean(name, capabilityNames) || ` (there are ${capabilityNames.join(', ')})`;
  context.addIssue({ code: 'custom', message: `no capability is called ${name}${near}` });
  return z.NEVER;
});

const noFeature = (name: string): string => {
  const known = allFeatures().map((each) => each.name);
  return `no feature is called ${name}${didYouMean(name, known)}`;
};

const feature = z.string().transform((name, context): FeatureName => {
  if (isFeatureName(name)) return name;
  context.addIssue({ code: 'custom', message: noFeature(name) });
  return z.NEVER;
});

const owners = z.record(z.string(), z.string()).superRefine((owned, context) => {
  for (const name of Object.keys(owned)) {
    if (!isFeatureName(name)) context.addIssue({ code: 'custom', message: noFeature(name) });
  }
});

const facts = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, dashes and underscores'),
  transport: z.enum(transports),
  device: z.string().regex(/^[a-z][a-z0-9-]*$/, 'lower case letters, digits and dashes'),
  identity: z.string().min(1),
  workload,
  capabilities: z.array(capability).default([]),
  ownedBy: owners.default({}),
  requiredFeatures: z.array(feature).default([]),
  setUpOrder: z
    .array(z.enum(ringSetUp))
    .superRefine((order, context) => {
      const message = problemOfSetUp(order);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .exactOptional(),
  largestRing: z.int().min(1).max(32_768).exactOptional(),
  ringSizes: z.literal('powers-of-two').exactOptional(),
  ringsStop: z.enum(['by-reset', 'without-position']).exactOptional(),
  sharedObjects: z.array(z.uuid()).exactOptional(),
  echoPort: z.int().min(0).max(0xffff_fffe).exactOptional(),
  texts: z
    .array(z.enum(allSources().map(({ name }) => name)))
    .superRefine((names, context) => {
      const conflict = conflictingVersions(allSources(), names);
      if (conflict !== undefined)
        context.addIssue({ code: 'custom', message: `${conflict.join(' and ')} are versions of one text` });
    })
    .exactOptional(),
  deadlineScale: z.number().positive().max(1000).default(1),
});

/** A machine that does much else starts a program late; one that ends by itself is not awaited. */
const readyWithinMs = z.int().positive().default(30_000);

const start = z.strictObject({
  command: z.string().min(1),
  arguments: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).exactOptional(),
  files: z
    .record(
      z.string(),
      z
        .int()
        .min(0)
        .max(2 ** 40),
    )
    .superRefine((sizes, context) => {
      for (const name of Object.keys(sizes)) {
        const outside = outsideOfDirectory(name);
        if (outside !== undefined) context.addIssue({ code: 'custom', message: `${JSON.stringify(name)} ${outside}` });
      }
    })
    .exactOptional(),
  workingDirectory: z.string().min(1).exactOptional(),
  keepStdinOpen: z.boolean().exactOptional(),
  deviceLog: z
    .string()
    .superRefine((name, context) => {
      const outside = outsideOfDirectory(name);
      if (outside !== undefined) context.addIssue({ code: 'custom', message: `${JSON.stringify(name)} ${outside}` });
    })
    .exactOptional(),
  changeConfig: z
    .union([
      z.strictObject({ signal: z.enum(['SIGUSR1', 'SIGUSR2', 'SIGHUP']) }),
      z.strictObject({ command: z.array(z.string()).min(1) }),
    ])
    .exactOptional(),
  readyWithinMs,
  lifetime: z.enum(lifetimes).exactOptional(),
  busyCores: z.int().min(0).max(1024).exactOptional(),
});

const path = z.string().min(1);
/** Of our reference in the judging process. */
const faults = z.array(z.string().min(1)).exactOptional();
const reaches: { readonly [V in Exclude<Via, 'mdev'>]: z.ZodType<Reach<V>> } = {
  'unix-socket': z.strictObject({ via: z.literal('unix-socket'), socket: path }),
  'in-process': z.union([
    z.strictObject({ via: z.literal('in-process'), mdev: z.enum(['l1', 'l2-strict', 'l2-faithful']), faults }),
    z.strictObject({ via: z.literal('in-process'), vdpa: z.enum(['eventfd', 'doorbell']), faults }),
    z.strictObject({ via: z.literal('in-process'), 'vhost-net': z.literal('loopback'), faults }),
    z.strictObject({ via: z.literal('in-process'), pci: z.literal('modern'), faults }),
  ]),
  'vhost-vdpa': z.union([
    z.strictObject({ via: z.literal('vhost-vdpa'), device: path }),
    z.strictObject({
      via: z.literal('vhost-vdpa'),
      created: z.strictObject({
        parent: z.string().min(1),
        parameters: z.record(z.string(), z.string()),
        bound: z.strictObject({ address: z.string().min(1), driver: z.string().min(1) }).exactOptional(),
        server: z
          .strictObject({
            command: z.string().min(1),
            arguments: z.array(z.string()).default([]),
            files: z.record(z.string(), z.int().min(0)).default({}),
            device: path,
            readyWithinMs,
          })
          .exactOptional(),
      }),
    }),
  ]),
  'vhost-net': z.strictObject({ via: z.literal('vhost-net'), device: path, tap: z.string().min(1) }),
  'vfio-pci': z.strictObject({
    via: z.literal('vfio-pci'),
    bdf: z.string().min(1),
    isBoundByUs: z.boolean().exactOptional(),
  }),
  'vfio-user': z.strictObject({ via: z.literal('vfio-user'), socket: path }),
};
const existingMdev = z.strictObject({ via: z.literal('mdev'), uuid: z.guid() });
const createdMdev = z.strictObject({
  via: z.literal('mdev'),
  created: z.strictObject({
    module: z.string().min(1),
    type: z.string().min(1),
    parameters: z.record(z.string(), z.string()),
  }),
});

const vias = [...Object.keys(reaches), 'mdev'] as Via[];

/** Each way has fields of its own, so the messages are of the way that was meant. */
const reach = z.looseObject({ via: z.enum(vias) }).transform((written, context): Reach => {
  const ofMdev = 'created' in written ? createdMdev : existingMdev;
  const parsed = (written.via === 'mdev' ? ofMdev : reaches[written.via]).safeParse(written, inWords);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path: [...path], message });
  return z.NEVER;
});

const written = z.strictObject({
  facts,
  start: start.exactOptional(),
  reach: reach.exactOptional(),
  /** Short for `reach` by a Unix socket. */
  socket: path.exactOptional(),
  guest: z
    .strictObject({
      qemu: z.array(z.string()),
      files: z.record(z.string(), z.int().min(0)).exactOptional(),
      kernelOptions: z.array(z.string()).exactOptional(),
    })
    .exactOptional(),
  versionCommand: z.array(z.string()).min(1).exactOptional(),
  packages: z.array(z.string()).exactOptional(),
  recovery: z.array(z.enum(recoverySteps)).default(['reconnect']),
});

const targetSchema = written.transform(({ socket, reach: by, ...rest }, context): Target => {
  const wrong = (path: string[], message: string): never => {
    context.addIssue({ code: 'custom', path, message });
    return z.NEVER;
  };
  const { transport, device, workload } = rest.facts;
  if (workload.kind !== device && workload.kind !== 'generic') {
    return wrong(['facts', 'workload', 'kind'], 'is not of the kind that facts.device says');
  }
  if (by !== undefined && socket !== undefined) return wrong(['socket'], 'stands beside reach: give one of them');
  const reach: Reach | undefined = by ?? (socket === undefined ? undefined : { via: 'unix-socket', socket });
  if (reach === undefined) return wrong(['reach'], `is missing: say by which way (via: ${vias.join(', ')})`);
  const unfit = misfit(transport, reach);
  if (unfit !== undefined) return wrong([by === undefined ? 'socket' : 'reach'], unfit);
  if (rest.start !== undefined && reach.via !== 'unix-socket' && reach.via !== 'vfio-user') {
    return wrong(['start'], `nothing that is reached by ${reach.via} is started by a command`);
  }
  const outside = rest.start !== undefined && 'socket' in reach ? outsideOfDirectory(reach.socket) : undefined;
  // Its socket is removed before each start: what lies elsewhere is not ours to remove.
  if (outside !== undefined) return wrong([by === undefined ? 'socket' : 'reach'], outside);
  const target = { ...rest, reach };
  const unclimbable = problemOfRecovery(target);
  return unclimbable === undefined ? target : wrong(['recovery'], unclimbable);
});

/** Finds a target by its name. */
export type NamedTargets = (name: string) => Target | undefined;

const part = z.record(z.string(), z.unknown()).default({});
/** What says how it differs from another: facts, and how it is started. */
const likeness = z.looseObject({ like: z.string(), facts: part, start: part });

/** What a file says of a target that is like another, with all that it does not say of it. */
function completed(value: unknown, where: string, named: NamedTargets): unknown {
  if (typeof value !== 'object' || value === null || !('like' in value)) return value;
  const read = likeness.safeParse(value);
  if (!read.success) return value;
  const { like, facts, start, ...rest } = read.data;
  const base = named(like);
  if (base === undefined) throw new DriverUsageError(`${where}: like: no target is called ${like}`);
  const name = basename(where, extname(where));
  const environment = { ...base.start?.environment, ...part.catch({}).parse(start['environment']) };
  return {
    ...base,
    ...rest,
    facts: { ...base.facts, name, identity: `${name}, as ${like}`, ...facts },
    ...(base.start === undefined ? {} : { start: { ...base.start, ...start, environment } }),
  };
}

/** A target from a value written by a user; `where` begins each message. @throws DriverUsageError with one line. */
export function parseTarget(value: unknown, where: string, named: NamedTargets = () => undefined): Target {
  const result = targetSchema.safeParse(completed(value, where, named), inWords);
  if (result.success) return result.data;
  const problems = result.error.issues.map(placedWords);
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

const mostBytes = 4 << 20;

/**
 * Reads a target from a file: JSON, or a module (`.mjs`) whose default export it is. It may be `like` a named one.
 * @throws DriverUsageError with one line that begins with the file.
 */
export function readTargetFile(file: string, named?: NamedTargets): Target {
  const path = resolve(file);
  const kind = extname(path);
  if (kind !== '.json' && kind !== '.mjs') throw new DriverUsageError(`${file}: it is neither .json nor .mjs`);
  let value: unknown;
  try {
    const file = statSync(path);
    if (!file.isFile()) throw new DriverUsageError('it is not a regular file');
    if (file.size > mostBytes) throw new DriverUsageError(`it has ${file.size} bytes, which is no target`);
    value = kind === '.mjs' ? defaultExport(path) : JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new DriverUsageError(`${file}: ${reason(error)}`);
  }
  return parseTarget(value, file, named);
}
