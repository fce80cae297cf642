import { z } from 'zod';
import { textStandings } from '../../reference-impl/catalogue/text-standing.ts';
import { failureKinds } from '../../reference-impl/observations/failure-kind.ts';
import { type Axes, axisValues, namedAxes } from './axes.ts';

/** Version of the record format. Readers accept every minor of the same major. */
export const recordSchemaVersion = { major: 1, minor: 7 } as const;

/** Worst first: the verdict of a case is the worst outcome among its requirements. */
export const outcomes = ['error', 'fail', 'inconclusive', 'not-run', 'pass', 'not-applicable'] as const;
export type Outcome = (typeof outcomes)[number];

export const outcome = z.enum(outcomes);
export const failureKind = z.enum(failureKinds);
const axes = z.object({
  layout: z.enum(axisValues.layout).optional(),
  negotiation: z.enum(axisValues.negotiation).optional(),
});

/** What `textStandingOf` says of a requirement that the chosen text does not hold. */
const apartReason = z.enum(textStandings).exclude(['in-force']);
export type ApartReason = z.infer<typeof apartReason>;

const requirementOutcome = z.object({
  requirement: z.string(),
  outcome,
  /** How many checks of this requirement were evaluated. */
  checks: z.number().int().nonnegative(),
  /** For inconclusive, not-applicable and not-run: why. */
  why: z.string().optional(),
  /** For not-applicable, since 1.1: the case is about another transport or device than the target's. */
  elsewhere: z.enum(['transport', 'device']).optional(),
  /** For not-applicable, since 1.2: the axis on which the target offers no more than one value. */
  absentAxis: z.enum(['layout', 'negotiation']).optional(),
  /** Of several allowed outcomes, the ones that were seen. */
  branches: z.array(z.string()).optional(),
  /** Since 1.3: bits that a failure is about, besides those that the requirement hangs on. */
  about: z.array(z.string()).optional(),
});
export type RequirementOutcome = z.infer<typeof requirementOutcome>;

/** Failures that count whatever the version of the text: they harm, and no text allows that. */
export const neverExcused: ReadonlySet<string> = new Set<z.infer<typeof failureKind>>(['crash', 'hang', 'leak']);

export const finding = z.object({
  requirement: z.string(),
  /** Null where no text says it; before 1.3 it stands there all the same. */
  level: z.string().nullable(),
  basis: z.string(),
  /** Since 1.3: the oldest version of a text that holds the requirement, and the last that does (null: it stands). */
  since: z.string().optional(),
  until: z.string().nullable().optional(),
  /** Since 1.3: why this finding is no violation of the text that was chosen; absent where it is one. */
  apart: apartReason.optional(),
  how: failureKind,
  /** What was checked, in the words of the check. */
  what: z.string(),
  expected: z.string(),
  actual: z.string(),
  /** Sequence number of the event in the trace at which the check failed. */
  traceEvent: z.number().int().nonnegative().optional(),
  /** Keys of the sweep points that failed, when the case is a sweep. */
  points: z.array(z.string()).optional(),
  /** For crash: the signal's name or the exit code, and the tail of standard error. */
  exit: z.object({ signal: z.string().optional(), code: z.number().int().optional() }).optional(),
  stderr: z.string().optional(),
  /** Since 1.1, where the IUT is in a kernel: what its log said when it ended. */
  kernelLog: z.string().optional(),
});
export type Finding = z.infer<typeof finding>;

const runRecord = z.object({
  event: z.literal('run'),
  schema: z.object({ major: z.number().int(), minor: z.number().int() }),
  runId: z.string(),
  suite: z.object({ name: z.string(), version: z.string() }),
  catalogueHash: z.string(),
  seed: z.number().int().nonnegative(),
  shard: z.object({ index: z.number().int().positive(), of: z.number().int().positive() }),
  planHash: z.string(),
  /** Since 1.3: versions of texts that were chosen; of every other text the default counts. */
  texts: z.array(z.string()).optional(),
  /** Results that are to come from this run, over all its targets. */
  planned: z.number().int().nonnegative(),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  command: z.array(z.string()),
});
export type RunRecord = z.infer<typeof runRecord>;

export const targetRecord = z.object({
  event: z.literal('target'),
  target: z.string(),
  transport: z.string(),
  device: z.string(),
  /** Since 1.4: it used a device of ours, and is judged for that; absent where it is the device or the back-end. */
  role: z.enum(['front-end']).optional(),
  /** The program or hardware, as its maker calls it. */
  identity: z.string(),
  version: z.string(),
  /** sha-256 of the executable, in hex, where there is one. */
  binaryHash: z.string().optional(),
  /**
   * Names of feature bits (virtio and vhost-user protocol) that the IUT offers, and of a front-end that it took;
   * undefined bits as "bit N".
   */
  offered: z.array(z.string()),
  capabilities: z.array(z.string()),
  /** Feature bits that another part than the target serves: name to that part ("front-end"). */
  ownedBy: z.record(z.string(), z.string()),
  /** Milliseconds from start to readiness, and the calibrated median latency of a GET_FEATURES round trip. */
  startMs: z.number().optional(),
  latencyUs: z.number().optional(),
  /**
   * Since 1.5: what tools of its kernel tell of it (`vdpa mgmtdev show`), by the command that does; and what was seen of
   * it at first contact (`lifetime`).
   */
  shown: z.record(z.string(), z.string()).optional(),
  /** Since 1.6: versions of texts that it was written to, which count where the run chose no other of that text. */
  texts: z.array(z.string()).optional(),
  /** Since 1.2: which of several instances of the target that were judged at once; absent where there was one. */
  instance: z.number().int().nonnegative().optional(),
  /** Since 1.2: how many instances were judged at once, and shared the machine; absent for one. */
  instances: z.number().int().positive().optional(),
});
export type TargetRecord = z.infer<typeof targetRecord>;

const beginRecord = z.object({
  event: z.literal('begin'),
  key: z.string(),
  target: z.string(),
  repetition: z.number().int().nonnegative(),
  /** Since 1.2: which of several instances of the target that were judged at once; absent where there was one. */
  instance: z.number().int().nonnegative().optional(),
});
export type BeginRecord = z.infer<typeof beginRecord>;

const caseRecord = z.object({
  event: z.literal('case'),
  /** caseId with variant and axes: see `caseKey`. */
  key: z.string(),
  target: z.string(),
  repetition: z.number().int().nonnegative(),
  /** Since 1.2: which of several instances of the target that were judged at once; absent where there was one. */
  instance: z.number().int().nonnegative().optional(),
  caseId: z.string(),
  title: z.string(),
  variant: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  /** Since 1.2; left out where the case has no axis. */
  axes: axes.optional(),
  verdict: outcome,
  /** Since 1.3, where it ran: names of the bits that sessions of the case acknowledged, any of them. */
  accepted: z.array(z.string()).optional(),
  outcomes: z.array(requirementOutcome),
  /** Of a sweep: how many points ran, and the keys of those that failed. */
  points: z
    .object({
      count: z.number().int(),
      failed: z.array(z.string()),
      /** Since 1.3: those that were run several times and did not end alike, with the runs in which they failed. */
      unstable: z.array(z.object({ key: z.string(), failed: z.number().int(), of: z.number().int() })).optional(),
      /** Since 1.3: those that were not run. */
      left: z.array(z.string()).optional(),
    })
    .optional(),
  findings: z.array(finding),
  durationMs: z.number(),
  seed: z.number().int().nonnegative(),
  /** Path of the trace relative to the run's directory; present when the case did not pass, or all traces are kept. */
  trace: z.string().optional(),
  /** The one command that runs this case again. */
  rerun: z.string(),
  /** For verdict error: the message and the stack of our own failure. */
  error: z.string().optional(),
  /** True if an expectations file said that this would not pass. */
  expected: z.object({ reason: z.string(), link: z.string().optional() }).optional(),
});
export type CaseRecord = z.infer<typeof caseRecord>;

const endRecord = z.object({
  event: z.literal('end'),
  reason: z.enum(['completed', 'interrupted', 'aborted']),
  counts: z.record(z.string(), z.number().int().nonnegative()),
  durationMs: z.number(),
});
export type EndRecord = z.infer<typeof endRecord>;

export const record = z.discriminatedUnion('event', [runRecord, targetRecord, beginRecord, caseRecord, endRecord]);
export type RunEvent = z.infer<typeof record>;

export type VariantValues = Readonly<Record<string, string | number | boolean>>;

/**
 * `virtio/split-ring/x` or `virtio/split-ring/x[layout=packed,queueSize=16]`: the names of the variant and of the axes,
 * sorted. An axis at its first value is not named.
 */
export function caseKey(caseId: string, variant: VariantValues, on: Axes = {}): string {
  const values: VariantValues = { ...variant, ...namedAxes(on) };
  const names = Object.keys(values).sort();
  if (names.length === 0) return caseId;
  return `${caseId}[${names.map((name) => `${name}=${String(values[name])}`).join(',')}]`;
}

/** The worst of several outcomes; `pass` for none at all is a claim that the caller must not make. */
export function worstOutcome(all: readonly Outcome[]): Outcome {
  for (const candidate of outcomes) if (all.includes(candidate)) return candidate;
  throw new RangeError('a case has at least one outcome');
}
