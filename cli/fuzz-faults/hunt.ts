import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DriverPort } from '../../drivers/port/port.ts';
import { Campaign } from '../../fuzz/campaign/campaign.ts';
import type { CampaignProgress } from '../../fuzz/campaign/campaign-options.ts';
import { Examiner } from '../../fuzz/executor/examiner.ts';
import { type Finding, findingText } from '../../fuzz/executor/finding.ts';
import { knownTarget } from '../../fuzz/judging/known-target.ts';
import type { KnownTarget } from '../../fuzz/program/known-state.ts';
import { printProgram } from '../../fuzz/program/print-program.ts';
import type { Program } from '../../fuzz/program/program.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import { type FaultName, faults } from '../../reference-impl/faults/faults.ts';
import { openFaulty } from '../faulty-reference.ts';
import { type Arena, arenasOf } from './arenas.ts';

/** Programs of the first turn on each arena; each turn has so many times those of the one before. */
const firstTurn = 80;
const growth = 3;
/** Nothing comes late in this process, but the process itself may be kept waiting. */
const deadlineMs = 60_000;
/** Characters of a program that are shown. */
const mostText = 3000;

export interface HuntLimits {
  readonly seed: number;
  /** Of the processor. */
  readonly timeMs: number;
  /** Programs on each arena; without it only the time ends a hunt. */
  readonly runs?: number;
}

/** What fuzzing made of one fault. */
export interface HuntResult {
  readonly fault: FaultName;
  readonly requirement: string;
  readonly isFound: boolean;
  /** What caught it; `contact`: the first conversation with it already fails. */
  readonly by?: Finding['kind'] | 'contact';
  readonly what?: string;
  readonly arena?: string;
  readonly seconds: number;
  readonly programs: number;
  /** What the reference without faults showed as well: a defect of the fuzzing. */
  readonly shownWithoutFault: readonly string[];
}

/** Fuzzes a reference with one fault, from an empty corpus, until it is found or the time is over. */
export function hunt(fault: FaultName, limits: HuntLimits): HuntResult {
  const began = processorMs();
  const directory = mkdtempSync(join(tmpdir(), 'vhost-conformance-hunt-'));
  try {
    return new Hunt(fault, limits, began, directory).result();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The clock of a hunt: what this process computed, so that a busy machine finds as much as a quiet one. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

class Hunt {
  readonly #fault: FaultName;
  readonly #limits: HuntLimits;
  readonly #beganMs: number;
  readonly #directory: string;
  readonly #falsely = new Set<string>();
  /** By name of the arena. */
  readonly #progress = new Map<string, CampaignProgress>();
  #found: { readonly by: Finding['kind'] | 'contact'; readonly what: string; readonly arena: string } | undefined;

  constructor(fault: FaultName, limits: HuntLimits, beganMs: number, directory: string) {
    this.#fault = fault;
    this.#limits = limits;
    this.#beganMs = beganMs;
    this.#directory = directory;
  }

  result(): HuntResult {
    const arenas = arenasOf(faults[this.#fault]);
    const { runs: most = Number.POSITIVE_INFINITY } = this.#limits;
    for (let turn = 0; this.#found === undefined && turn < most && this.#leftMs() > 0; ) {
      turn = Math.min(turn === 0 ? firstTurn : turn * growth, most);
      for (const arena of arenas) if (this.#found === undefined) this.#try(arena, Math.ceil(turn * arena.share));
    }
    return {
      fault: this.#fault,
      requirement: faults[this.#fault].requirement,
      isFound: this.#found !== undefined,
      ...this.#found,
      seconds: (processorMs() - this.#beganMs) / 1000,
      programs: [...this.#progress.values()].reduce((sum, { runs }) => sum + runs, 0),
      shownWithoutFault: [...this.#falsely],
    };
  }

  #leftMs(): number {
    return this.#limits.timeMs - (processorMs() - this.#beganMs);
  }

  /** Goes on on an arena until so many programs ran on it. */
  #try(arena: Arena, runs: number): void {
    const port = openIn(arena, [this.#fault]);
    try {
      const contact = firstContacts(port);
      if (contact.kind !== 'served') {
        this.#found = { by: 'contact', what: contact.why, arena: arena.name };
        return;
      }
      const target = knownTarget(port, contact.offer);
      const directory = join(this.#directory, arena.name);
      new Campaign(
        examinerOf(port, target),
        {
          directory,
          seeds: [],
          seed: this.#limits.seed,
          isRepeatable: true,
          isMostlyDrawn: true,
          runs,
          judge: (whole, finding) => this.#judge(arena, whole, finding),
          replayWords: (path) => path,
          nowMs: processorMs,
          timeMs: (this.#progress.get(arena.name)?.elapsedMs ?? 0) + this.#leftMs(),
        },
        {
          progress: (progress) => this.#progress.set(arena.name, progress),
          found: () => undefined,
          note: () => undefined,
          step: () => undefined,
        },
      ).run();
    } finally {
      port.close();
    }
  }

  /**
   * A finding counts only where it comes again on a fresh reference with the fault, the second time at the latest, since a
   * fault may remember earlier sessions, and the one without shows nothing for the same program.
   */
  #judge(arena: Arena, whole: Program, finding: Finding): 'pass-over' | 'end' {
    const isLeak = finding.kind === 'leak';
    const again = shownOn(arena, [this.#fault], whole, isLeak);
    if (again === undefined) return this.#passOver(`${arena.name}, not again: ${findingText(finding)}`, whole);
    const without = shownOn(arena, [], whole, isLeak);
    if (without !== undefined) return this.#passOver(`${arena.name}: ${findingText(without)}`, whole);
    this.#found = { by: again.kind, what: findingText(again), arena: arena.name };
    return 'end';
  }

  #passOver(text: string, whole: Program): 'pass-over' {
    if (!this.#falsely.has(text)) process.stderr.write(`${text}\n${printProgram(whole).slice(0, mostText)}\n`);
    this.#falsely.add(text);
    return 'pass-over';
  }
}

/** What a program shows on a fresh reference, by its first or second run. */
function shownOn(arena: Arena, names: readonly FaultName[], whole: Program, isLeak: boolean): Finding | undefined {
  const port = openIn(arena, names);
  try {
    const contact = firstContacts(port);
    if (contact.kind !== 'served') throw new Error(`the reference is not served a second time: ${contact.why}`);
    const examiner = examinerOf(port, knownTarget(port, contact.offer));
    return isLeak ? examiner.leakOf(whole) : (examiner.examine(whole) ?? examiner.examine(whole));
  } finally {
    port.close();
  }
}

const openIn = ({ showing, device, pairs }: Arena, names: readonly FaultName[]): DriverPort =>
  openFaulty(showing, device, names, { deadlineMs, ...(pairs === undefined ? {} : { pairs }) });

const examinerOf = (port: DriverPort, target: KnownTarget): Examiner =>
  new Examiner(port, { target, referenceMeetsDeadline: () => true, judgesChoices: true, holdsExactly: true });
