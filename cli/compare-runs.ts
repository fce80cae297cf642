import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { currentSlug } from '../reference-impl/catalogue/catalogue.ts';
import { differenceLines } from '../reports/compare/difference-words.ts';
import { type RunDifference, regressions } from '../reports/compare/run-difference.ts';
import { type HistoryStep, historySteps, type NamedOutline } from '../reports/compare/run-history.ts';
import { outlineOf, type RunOutline, readOutline, writeOutline } from '../reports/compare/run-outline.ts';
import { judgedByTexts } from '../reports/judged-by-texts.ts';
import { mergeRuns } from '../reports/merge-runs.ts';
import { RecordError } from '../reports/record/record-error.ts';
import { reasonOf } from '../reports/record/record-writer.ts';
import { makeDirectory } from '../reports/record/run-directory.ts';
import { replaceRunFile } from '../reports/record/run-file.ts';
import { successorsOf } from '../suites/retired-ids.ts';
import type { CompareOptions } from './compare-options.ts';
import { checkOut } from './run-request.ts';
import { print } from './terminal.ts';
import { textsOf } from './text-option.ts';
import { UsageError } from './usage-error.ts';

const renamed = { cases: (id: string) => successorsOf(id), requirement: currentSlug };

/** `compare`: what changed from each run to the next. Returns the exit code. @throws UsageError, RecordError */
export async function compareRuns(paths: readonly string[], options: CompareOptions): Promise<number> {
  if (paths.length < 2 && options.save === undefined) {
    throw new UsageError('compare wants two runs or more; of one, --save FILE writes a baseline');
  }
  if (paths.length < 2 && (options.out !== undefined || options.json)) {
    throw new UsageError('compare: one run alone has no page and no differences; name the one before it first');
  }
  const root = options.out === undefined ? undefined : checkOut(options.out);
  const runs = paths.map((path): NamedOutline => ({ name: path, run: outlineAt(path, options.text) }));
  const steps = historySteps(runs, renamed);
  const last = runs.at(-1);
  if (options.save !== undefined && last !== undefined) writeOutline(options.save, last.run);
  if (root !== undefined) await writePage(root, runs, steps, !options.json);
  const step = steps.at(-1);
  if (step === undefined) {
    print(`Baseline: ${options.save}`);
    return 0;
  }
  if (options.json) process.stdout.write(`${JSON.stringify(asJson(step), undefined, 1)}\n`);
  else for (const one of steps) printStep(one);
  return exitCodeOf(step);
}

function outlineAt(path: string, text: readonly string[]): RunOutline {
  if (!existsSync(path)) throw new UsageError(`${path}: no such directory or file`);
  if (!statSync(path).isDirectory()) {
    if (text.length > 0) throw new UsageError(`--text: ${path} is a baseline, which holds no texts`);
    return readOutline(path);
  }
  const run = mergeRuns([path]);
  const texts = textsOf(text, run.catalogue.sources ?? []);
  return outlineOf(texts.length === 0 ? run : judgedByTexts(run, texts));
}

async function writePage(
  root: string,
  runs: readonly NamedOutline[],
  steps: readonly HistoryStep[],
  isTold: boolean,
): Promise<void> {
  const { comparisonReport } = await import('../reports/reporters/html.ts');
  const path = join(root, 'compare.html');
  makeDirectory(root);
  try {
    replaceRunFile(path, comparisonReport(runs, steps));
  } catch (cause) {
    throw new RecordError(path, `cannot be written (${reasonOf(cause)})`, { cause });
  }
  if (isTold) print(`Report: ${path}`);
}

function printStep({ before, after, difference }: HistoryStep): void {
  const lines = differenceLines(difference, [before.name, after.name], [before.run, after.run]);
  print(lines.join('\n'));
  print('');
}

const isWorse = ({ changes }: RunDifference): boolean => changes.some(({ kind }) => regressions.has(kind));

/** What was not run is no proof that nothing broke. */
function exitCodeOf({ after, difference }: HistoryStep): number {
  if (after.run.missing > 0) return 2;
  return isWorse(difference) ? 1 : 0;
}

function asJson({ before, after, difference }: HistoryStep): object {
  const facts = ({ name, run: { startedAt, suite, targets, catalogueHash, missing } }: NamedOutline): object => ({
    name,
    startedAt,
    suite,
    catalogueHash,
    targets,
    missing,
  });
  return { before: facts(before), after: facts(after), worse: isWorse(difference), ...difference };
}
