import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FrontEndPlaces, ObservedFrontEnd } from '../../fixtures/front-ends/front-end.ts';
import type { CaseRecord } from '../../reports/record/record.ts';
import { readRecords } from '../../reports/record/record-reader.ts';
import { runDirectory } from '../../reports/record/run-directory.ts';

const program = fileURLToPath(new URL('../main.js', import.meta.url));
const socketsWithinMs = 60_000;
const endsWithinMs = 60_000;

export interface ObservedRun {
  readonly results: readonly CaseRecord[];
  /** Why it did not work on the reference, a line each. */
  readonly problems: readonly string[];
  readonly report: string;
}

interface Child {
  readonly process: ChildProcess;
  /** All that it said so far. */
  said(): string;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<string>;
}

function start([command = '', ...words]: readonly string[]): Child {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...words], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text.replaceAll('\r', '');
    });
  }
  child.stdin.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? String(code)));
  });
  return { process: child, said: () => said, ended };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

/** How a process ends; one that does not end in time is killed. */
async function endOf(child: Child, withinMs: number): Promise<string> {
  const late = pause(withinMs).then(() => undefined);
  const end = await Promise.race([child.ended, late]);
  if (end !== undefined) return end;
  child.process.kill('SIGKILL');
  await child.ended;
  return `not within ${withinMs / 1000} s`;
}

/** Serves devices, starts a front-end on them, and waits for both. */
export async function observedRun(
  frontEnd: ObservedFrontEnd,
  places: Omit<FrontEndPlaces, 'socket'>,
  directory: string,
): Promise<ObservedRun> {
  const out = join(directory, 'observed');
  mkdirSync(directory, { recursive: true });
  const socket = (name: string): string => join(directory, `${name}.sock`);
  const listen = frontEnd.sockets.flatMap((name) => ['--listen', `${name}=${socket(name)}`]);
  const words = ['observe', ...listen, '--device', frontEnd.device, ...frontEnd.observe, '--out', out];
  const observer = start([process.execPath, '--enable-source-maps', program, ...words]);
  const problems: string[] = [];
  for (let waited = 0; !frontEnd.sockets.every((name) => existsSync(socket(name))); waited += 50) {
    if (waited > socketsWithinMs) return { results: [], problems: [`observe: ${observer.said()}`], report: '' };
    await pause(50);
  }
  const user = start(frontEnd.command({ ...places, socket }));
  void tell(user, frontEnd.input ?? []);
  const end = await endOf(user, frontEnd.withinMs);
  const said = user.said();
  writeFileSync(join(directory, 'front-end.log'), said);
  if (end !== '0') problems.push(`${frontEnd.name} ended: ${end}`);
  for (const line of frontEnd.expected) if (!line.test(said)) problems.push(`${frontEnd.name} did not say ${line}`);
  // Its connections are closed by now, and so the observation ends; where it never connected, by this signal.
  void pause(endsWithinMs / 2).then(() => observer.process.kill('SIGINT'));
  await endOf(observer, endsWithinMs);
  writeFileSync(join(directory, 'observe.log'), observer.said());
  const { results, report } = runDirectory(out);
  if (!existsSync(results)) return { results: [], problems: [...problems, `observe: ${observer.said()}`], report };
  const { cases } = readRecords(results);
  for (const { target, verdict, error = '' } of cases) if (verdict === 'error') problems.push(`${target}: ${error}`);
  return { results: [...cases], problems, report };
}

async function tell({ process: child }: Child, input: NonNullable<ObservedFrontEnd['input']>): Promise<void> {
  for (const [afterMs, line] of input) {
    await pause(afterMs);
    child.stdin?.write(`${line}\n`);
  }
}
