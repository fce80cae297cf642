import { z } from 'zod';
import type { Target } from '../drivers/target.ts';
import { outcomes, targetRecord } from '../reports/record/record.ts';
import type { PlannedResult } from '../reports/record/run-plan.ts';
import type { CaseFile } from '../suites/load-cases.ts';
import type { ExpectationRules } from '../suites/runner/expectations.ts';

/** What a host process is to do: a file that its parent writes. */
export interface HostJob {
  readonly target: Target;
  /** SHA-256 of its program, where it is started by a command. */
  readonly binaryHash?: string;
  readonly work: HostWork;
  /** The run's directory, made by the parent before its first order. */
  readonly root: string;
  /** Directory for sockets, disks and standard error of the IUT. Short: a socket's path has at most 107 bytes. */
  readonly scratch: string;
  readonly parentPid: number;
  /** Which of several instances of the target that are judged at once, and how many these are. */
  readonly instance?: number;
  readonly instances?: number;
}

/** What is done with the target once it serves. */
export type HostWork = CasesWork | ReplayWork | MinimizeWork | DistillWork | CampaignWork | PropertiesWork;

/** Properties of programs are tried. */
export interface PropertiesWork {
  readonly kind: 'properties';
  readonly seed: number;
  /** Programs of each property. */
  readonly runs: number;
  readonly timeMs?: number;
  /** A second target, which has to do the same. */
  readonly other?: Target;
}

/** One program is run. */
export interface ReplayWork {
  readonly kind: 'replay';
  /** Its bytes, as base64. */
  readonly program: string;
  /** Programs that run before it on the same process. */
  readonly before: readonly string[];
  readonly repeat: number;
  /** Whether a C program is wanted that does the same. */
  readonly inC: boolean;
}

/** One program is made as small as it can be. */
export interface MinimizeWork {
  readonly kind: 'minimize';
  readonly program: string;
  readonly timeMs: number;
}

/** Of a corpus, the entries that are enough are written to another directory. */
export interface DistillWork {
  readonly kind: 'distill';
  readonly corpus: string;
  readonly into: string;
}

/** A campaign runs until its time or its runs are over. */
export interface CampaignWork {
  readonly kind: 'campaign';
  /** Of the campaign: it exists. */
  readonly directory: string;
  /** Which of the instances that share the directory. */
  readonly instance: string;
  readonly corpus?: string;
  /** Texts of programs to begin with. */
  readonly seeds: readonly string[];
  readonly seed: number;
  readonly timeMs?: number;
  readonly runs?: number;
  /** All ends by this time, as `Date.now()`. */
  readonly endsAt?: number;
  /** Words of the target in the command that runs a program again. */
  readonly targetWords: readonly string[];
  /** No C program is printed of a bucket. */
  readonly isWithoutC?: true;
}

/** Cases are judged, one after another. */
export interface CasesWork {
  readonly kind: 'cases';
  /** All results that are owed of the target. Which of them this host runs is said in orders. */
  readonly results: readonly PlannedResult[];
  /** The files in which their cases stand: a host loads no others. */
  readonly files: readonly CaseFile[];
  /** The second IUT of cases that need two. */
  readonly pair?: Target;
  readonly seed: number;
  readonly point?: string;
  readonly rules: ExpectationRules;
  /** Whether traces of passes are kept. */
  readonly keepsAllTraces: boolean;
  /** Words before `--case KEY` in the command that runs a case again. */
  readonly rerun: readonly string[];
}

/** Descriptor of a host process on which it tells its parent what happens, a line of JSON each. */
export const messageDescriptor = 3;

const exit = z.object({ signal: z.string().optional(), code: z.number().int().optional() });

/** The death of an IUT, counted for the whole target. */
const hostDeath = z.object({
  /** Of the result in which it died. */
  key: z.string(),
  /** Absent for a point of a sweep, which counts its own. */
  caseId: z.string().optional(),
  exit,
});
export type HostDeath = z.infer<typeof hostDeath>;

/** What a parent answers `ready` and `more` with: a line of JSON on standard input. */
export const hostOrder = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('run'),
    /** Places in `results` of the job. */
    results: z.array(z.number().int().nonnegative()),
    /** Deaths that this host has not seen itself and was not told of before. */
    deathsElsewhere: z.array(hostDeath),
  }),
  /** Nothing is left for this host. */
  z.object({ kind: z.literal('end') }),
]);
export type HostOrder = z.infer<typeof hostOrder>;

const campaignProgress = z.object({
  runs: z.number(),
  elapsedMs: z.number(),
  judgedCalls: z.number(),
  calls: z.number(),
  corpus: z.number(),
  signals: z.number(),
  edges: z.number(),
  buckets: z.number(),
  repeated: z.number(),
  unconfirmed: z.number(),
  restarts: z.number(),
});

const hostMessage = z.discriminatedUnion('kind', [
  /** The target serves; nothing is on disk yet. */
  z.object({ kind: z.literal('ready'), target: targetRecord, slowerByMs: z.number() }),
  /** The target cannot be judged, through no fault of ours; nothing is on disk. */
  z.object({ kind: z.literal('unusable'), why: z.string() }),
  z.object({ kind: z.literal('begin'), key: z.string(), repetition: z.number() }),
  /** The result takes a further step: it runs again, or its target is brought back. */
  z.object({ kind: z.literal('step') }),
  z.object({ kind: z.literal('case'), key: z.string(), repetition: z.number(), verdict: z.enum(outcomes) }),
  /** The IUT died in the result that was told last. */
  z.object({ kind: z.literal('death'), death: hostDeath }),
  /** Its part is done. */
  z.object({ kind: z.literal('more'), gaveUp: z.boolean() }),
  /** The target stopped serving and cannot be brought back. */
  z.object({ kind: z.literal('not-served'), why: z.string() }),
  /** A file of the run cannot be written. */
  z.object({ kind: z.literal('unwritable'), why: z.string() }),
  /** No variant has the point that was asked for. */
  z.object({ kind: z.literal('no-point'), why: z.string() }),
  /** A line about a program that is run. */
  z.object({ kind: z.literal('said'), line: z.string() }),
  /** What runs of a program showed: by bucket, in how many. */
  z.object({
    kind: z.literal('replayed'),
    runs: z.number(),
    buckets: z.record(z.string(), z.number()),
    inC: z.string().optional(),
  }),
  /** The least program that shows what one did: its bytes as base64, and in how many runs it did. */
  z.object({
    kind: z.literal('minimized'),
    program: z.string(),
    bucket: z.string(),
    what: z.string(),
    shown: z.number(),
    runs: z.number(),
    isMinimal: z.boolean(),
  }),
  /** Entries of a corpus that are enough for its signals, and buckets of those that showed a finding. */
  z.object({
    kind: z.literal('distilled'),
    of: z.number(),
    kept: z.number(),
    signals: z.number(),
    buckets: z.array(z.string()),
  }),
  /** What came of a property, and the least programs that break it as base64. */
  z.object({
    kind: z.literal('property'),
    name: z.string(),
    result: z.enum(['held', 'not-applicable', 'broken']),
    runs: z.number(),
    why: z.string(),
    programs: z.array(z.string()),
  }),
  z.object({ kind: z.literal('fuzzing'), progress: campaignProgress }),
  /** A campaign found a bucket. */
  z.object({ kind: z.literal('bucket'), name: z.string(), what: z.string(), shown: z.number(), runs: z.number() }),
  z.object({ kind: z.literal('completed'), gaveUp: z.string().optional() }),
]);
export type HostMessage = z.infer<typeof hostMessage>;

/** Cuts a stream of text into lines of JSON. */
export class HostMessageReader {
  #rest = '';

  /** The messages that are whole now. */
  push(text: string): HostMessage[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.map((line) => hostMessage.parse(JSON.parse(line)));
  }
}
