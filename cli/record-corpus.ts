import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DriverPort } from '../drivers/port/port.ts';
import { openReference } from '../drivers/reference/open-reference.ts';
import { SignalMap, signalsOf } from '../fuzz/campaign/signals.ts';
import { Examiner } from '../fuzz/executor/examiner.ts';
import { knownTarget } from '../fuzz/judging/known-target.ts';
import { printProgram } from '../fuzz/program/print-program.ts';
import type { Program } from '../fuzz/program/program.ts';
import { resolved } from '../fuzz/program/references.ts';
import { Recorder } from '../fuzz/recorder/recorder.ts';
import { firstContacts } from '../judging/first-contact.ts';
import type { FeatureSet } from '../reference-impl/catalogue/catalogue.ts';
import { allCases } from '../suites/all-cases.ts';
import { absentAxisOf, applicability } from '../suites/runner/applicability.ts';
import { judge } from '../suites/runner/judge.ts';
import { type PlannedCase, selectCases } from '../suites/runner/plan.ts';
import { requirementFacts } from './catalogue-facts.ts';

/** Longer programs are slow to run and to make smaller. */
const mostCalls = 48;
/** A program has to reach so much that those before it did not. */
const leastNew = 4;
const deadlineMs = 60_000;

interface Recorded {
  readonly key: string;
  readonly program: Program;
}

/** The device of this process, and what it offers. */
function opened(device: 'block' | 'net'): { readonly port: DriverPort; readonly offer: FeatureSet } {
  const port = openReference({ device, deadlineMs });
  const contact = firstContacts(port);
  if (contact.kind !== 'served') throw new Error(contact.why);
  return { port, offer: contact.offer };
}

/** What each case does, on the axes that it has; of variants, the first. */
function recorded(device: 'block' | 'net'): Recorded[] {
  const { port, offer } = opened(device);
  const recorder = new Recorder(port);
  try {
    const planned = selectCases(allCases, { cases: [], features: [], level: 'all' }, requirementFacts);
    const seen = new Set<string>();
    return planned.flatMap((one) => {
      const name = `${one.definition.id} ${JSON.stringify(one.axes)}`;
      if (seen.has(name) || !applies(one, port, offer)) return [];
      seen.add(name);
      recorder.take();
      judge(recorder.port, one.definition, one.variant, offer, {
        seed: 1,
        axes: one.axes,
        mostPoints: 1,
        isServing: true,
        referenceMeetsDeadline: () => true,
      });
      port.releaseAll();
      return [{ key: one.key, program: withoutLiveness(recorder.take()) }];
    });
  } finally {
    port.close();
  }
}

/** Behind each case a new session is asked for; a campaign does so itself. */
function withoutLiveness({ calls }: Program): Program {
  const isLiveness = calls.slice(-3).every(({ kind }, at) => kind === ['connect', 'fence', 'disconnect'][at]);
  return { calls: isLiveness ? calls.slice(0, -3) : calls };
}

function applies({ definition, axes }: PlannedCase, port: DriverPort, offer: FeatureSet): boolean {
  if (definition.applies.iuts === 2) return false;
  if (applicability(definition, port.facts, offer).length > 0) return false;
  return absentAxisOf(definition, axes, port.facts, offer) === undefined;
}

/** Those that reach something that none before them did, the shortest first. */
function distilled(device: 'block' | 'net', all: readonly Recorded[]): Recorded[] {
  const { port, offer } = opened(device);
  const examiner = new Examiner(port, { target: knownTarget(port, offer), referenceMeetsDeadline: () => true });
  const signals = new SignalMap();
  const fitting = all.filter(({ program: { calls } }) => calls.length > 0 && calls.length <= mostCalls);
  const byLength = fitting.toSorted((a, b) => a.program.calls.length - b.program.calls.length);
  try {
    return byLength.filter(({ program }) => {
      const whole = resolved(program);
      if (examiner.examine(whole) !== undefined) examiner.restart();
      const found = signals.newIn(signalsOf(whole, examiner.outcomes, examiner.standings));
      if (found.length < leastNew) return false;
      signals.add(found);
      return true;
    });
  } finally {
    port.close();
  }
}

/**
 * `node dist/cli/record-corpus.js DIR`: records what the cases of the suite do to the reference as programs, keeps those
 * that reach something of their own, and writes them as DIR/<device>-case-<id>.txt in place of those that were there.
 */
function main(directory: string | undefined): number {
  if (directory === undefined) {
    process.stderr.write('record-corpus: say the directory of the corpus\n');
    return 2;
  }
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory)) if (/^(block|net)-case-/.test(name)) rmSync(join(directory, name));
  for (const device of ['block', 'net'] as const) {
    const kept = distilled(device, recorded(device));
    for (const { key, program } of kept) {
      const name = key.replace(/[^A-Za-z0-9]+/g, '-').replace(/-$/, '');
      writeFileSync(join(directory, `${device}-case-${name}.txt`), `# ${key}\n${printProgram(program)}`);
    }
    process.stdout.write(`${device}: ${kept.length} programs\n`);
  }
  return 0;
}

process.exitCode = main(process.argv[2]);
