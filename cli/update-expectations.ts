import { existsSync } from 'node:fs';
import type { CaseRecord } from '../reports/record/record.ts';
import { RecordError } from '../reports/record/record-error.ts';
import { reasonOf } from '../reports/record/record-writer.ts';
import { replaceRunFile } from '../reports/record/run-file.ts';
import type { Expectation, ExpectationRules } from '../suites/runner/expectations.ts';
import { unreadReason, updatedExpectations } from '../suites/runner/updated-expectations.ts';
import { counted } from './counted.ts';

/** Days for which what was not read yet is expected. */
const daysExpected = 90;

/**
 * Writes an expectations file that says what a run found, and returns what changed in it as lines of a diff: somebody is
 * to read them, and to say why. @throws RecordError
 */
export function updateExpectations(path: string, results: readonly CaseRecord[], rules: ExpectationRules): string {
  const { entries, added, dropped, partly } = updatedExpectations(results, rules, lastDay(rules.today));
  if (added.length === 0 && dropped.length === 0) {
    if (!existsSync(path)) write(path, entries);
    return [`${path}: nothing changed`, ...partlyLines(partly)].join('\n');
  }
  write(path, entries);
  const lines = [`--- ${path}`, `+++ ${path}`];
  for (const entry of dropped) lines.push(...diffLines('-', entry));
  for (const entry of added) lines.push(...diffLines('+', entry));
  const unread = added.filter(({ reason }) => reason === unreadReason).length;
  lines.push('', `${path}: ${counted(added.length, 'deviation')} added, ${dropped.length} removed`);
  if (unread > 0)
    lines.push(`Read each that says "${unreadReason}", and say its reason there before you keep the file.`);
  return [...lines, ...partlyLines(partly)].join('\n');
}

const partlyLines = (partly: readonly Expectation[]): string[] =>
  partly.map((entry) => `${entry.case} stays, and a part of its cases deviates no more: name those that do.`);

function lastDay(today: string): string {
  const day = new Date(`${today}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + daysExpected);
  return day.toISOString().slice(0, 10);
}

function write(path: string, entries: readonly Expectation[]): void {
  try {
    replaceRunFile(path, `${JSON.stringify(entries, undefined, 2)}\n`);
  } catch (cause) {
    throw new RecordError(path, `cannot be written (${reasonOf(cause)})`, { cause });
  }
}

const diffLines = (sign: '+' | '-', entry: Expectation): string[] =>
  JSON.stringify(entry, undefined, 2)
    .split('\n')
    .map((line) => `${sign}  ${line}`);
