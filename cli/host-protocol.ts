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
export type HostWork = CasesWork;

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

const hostMessage = z.discriminatedUnion('kind', [
  /** The target serves; nothing is on disk yet. */
  z.object({ kind: z.literal('ready'), target: targetRecord }),
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
