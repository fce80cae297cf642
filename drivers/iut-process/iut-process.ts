import { constants as fsConstants } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { errno } from '../../reference-impl/wire/errno.ts';
import { DeadlineError, DriverUsageError, IutGoneError, SystemCallError, VhostConformanceError } from '../errors.ts';
import {
  closeFd,
  monotonicUs,
  OutputSink,
  openFile,
  POLLIN,
  pollOne,
  type SpawnedProcess,
  signalPidfd,
  spawnProcess,
  waitPidfd,
} from '../native/native.ts';
import type { DeviceCalls, Iut, IutExit, IutResources, Operator, SanitizerReport } from '../port/port.ts';
import { ReportFiles, sanitizerEnvironment, symbols } from '../sanitizers/report-files.ts';
import type { StartCommand, Target } from '../target.ts';
import { printedBy } from './brief-process.ts';
import { CoverageMemory, coverageVariable } from './coverage-memory.ts';
import { DeviceLog } from './device-log.ts';
import { IutDirectory } from './iut-directory.ts';
import { isListening } from './listening-sockets.ts';
import { describeExit, exitOf } from './process-exit.ts';
import { endProcess, releaseGroup } from './process-group.ts';
import { resourcesOf } from './process-resources.ts';
import { cpuTimeOfTreeMs, isExiting } from './process-tree.ts';
import { endedAs, isRunningAs, iutEnvironment, newIutNumber } from './running-iuts.ts';
import { findCommand } from './target-version.ts';

/** What the process is told of; the event log takes it. */
export type ProcessListener = (state: 'started' | 'ready' | 'died' | 'ended' | 'ended-by-us', detail: string) => void;

export interface IutProcessOptions {
  /** Under which the IUT's own directory is made. */
  readonly runDirectory?: string;
  readonly listener?: ProcessListener;
  /** How long SIGTERM may take before SIGKILL. */
  readonly graceMs?: number;
}

const changedWithinMs = 10_000;
const stderrTailBytes = 4096;

/** An IUT that we start: one process in a group of its own, gone with all that it started when we are gone. */
export class IutProcess implements Iut, Operator {
  readonly #start: StartCommand;
  readonly #target: Target<'unix-socket'>;
  readonly #directory: IutDirectory;
  readonly #deviceLog: DeviceLog | undefined;
  readonly takeDeviceCalls?: () => DeviceCalls;
  readonly #listener: ProcessListener;
  readonly #graceMs: number;
  readonly coverage = new CoverageMemory();
  readonly #reports: ReportFiles;
  /** Reports that were read and not asked for yet. */
  #read: SanitizerReport[] = [];
  #process: SpawnedProcess | undefined;
  #stderr: OutputSink | undefined;
  /** The value of its variable. */
  #number = '';
  #exit: IutExit | undefined;
  #generation = 0;
  #hasServed = false;
  #isSpent = false;
  /** What was learned where its target does not say how long it serves. */
  #isKnownToEnd = false;
  /** The front-end closed its connection, while the process was there. */
  #isLeft = false;

  /** Makes the directory and starts nothing. Throws DriverUsageError for a target without a start command. */
  constructor(target: Target<'unix-socket'>, options: IutProcessOptions = {}) {
    if (target.start === undefined) throw new DriverUsageError(`${target.facts.name} has no command to start`);
    this.#target = target;
    this.#start = target.start;
    this.#listener = options.listener ?? (() => undefined);
    this.#graceMs = options.graceMs ?? 1000;
    this.#directory = new IutDirectory(target.reach.socket, options.runDirectory);
    this.#reports = new ReportFiles(this.#directory.path);
    const { deviceLog } = target.start;
    if (deviceLog === undefined) return;
    const log = new DeviceLog(join(this.#directory.path, deviceLog));
    this.#deviceLog = log;
    this.takeDeviceCalls = () => log.take();
  }

  get socketPath(): string {
    return this.#directory.socketPath;
  }

  get directory(): string {
    return this.#directory.path;
  }

  /** -1 where no process is. */
  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  /** Readable once the process ended; -1 where no process is. */
  get pidfd(): number {
    return this.#process?.pidfd ?? -1;
  }

  /** How often a process was started. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Starts the process and waits until its socket listens, without connecting.
   * @throws DriverUsageError when the command is missing, IutGoneError when it ends before, DeadlineError.
   */
  start(): void {
    if (this.#process !== undefined) throw new DriverUsageError(`${this.#target.facts.name} is started already`);
    this.#prepareDirectory();
    this.#generation++;
    this.#exit = undefined;
    this.#hasServed = false;
    this.#isSpent = false;
    this.#isLeft = false;
    this.#process = this.#spawn();
    this.#listener('started', `${this.#start.command}, pid ${this.#process.pid}`);
    try {
      this.#awaitReadiness();
    } catch (error) {
      this.end();
      throw error;
    }
    this.#listener('ready', this.socketPath);
  }

  /** Also where the process ended with its connection, as its target says that it does: the next has another. */
  isAlive(): boolean {
    return this.#process !== undefined && this.exit() === undefined;
  }

  get endsWithConnection(): boolean {
    return this.#start.lifetime === 'connection' || this.#isKnownToEnd;
  }

  /** Whether it may be learned that each process ends with its connection. */
  get isLifetimeUnsaid(): boolean {
    return this.#start.lifetime === undefined;
  }

  learnEndWithConnection(): void {
    this.#isKnownToEnd = this.isLifetimeUnsaid;
  }

  /** Whether a process that serves one connection has served it. */
  get isUsedUp(): boolean {
    return this.#isSpent || (this.endsWithConnection && this.#hasServed);
  }

  exit(): IutExit | undefined {
    if (this.#exit === undefined && this.#process !== undefined && !this.#isSpent) {
      const end = waitPidfd(this.#process.pidfd, { noHang: true });
      if (end !== undefined) this.#ended(exitOf(end));
    }
    return this.#exit;
  }

  /** Whether the process is dying but cannot be waited for yet: its sockets close a moment before. */
  isExiting(): boolean {
    return this.#isRunning && isExiting(this.pid);
  }

  /** It has a connection. */
  identify(): void {
    this.#hasServed = true;
  }

  /** The front-end closes its connection. An end that nobody has met by now comes before or behind that by chance. */
  left(): void {
    if (this.#exit === undefined) this.#isLeft = true;
  }

  /** Waits for the end of the process; undefined when it still runs at the deadline, or ended as it should. */
  waitForExit(deadlineMs: number): IutExit | undefined {
    const process = this.#process;
    if (process !== undefined && this.#isRunning) pollOne(process.pidfd, POLLIN, deadlineMs * 1000);
    return this.exit();
  }

  cpuTimeMs(): number | undefined {
    return this.#isRunning ? cpuTimeOfTreeMs(this.pid) : undefined;
  }

  resources(): IutResources | undefined {
    return this.#isRunning ? resourcesOf(this.pid) : undefined;
  }

  stderrTail(maxBytes: number): string {
    return this.#stderr?.tail(maxBytes) ?? '';
  }

  reports(): SanitizerReport[] {
    return [...this.#read.splice(0), ...this.#reports.take(this.#process === undefined)];
  }

  signal(name: keyof typeof constants.signals): void {
    if (this.#process !== undefined && this.#isRunning) signalPidfd(this.#process.pidfd, constants.signals[name]);
  }

  /** As the target says how. */
  changeConfig(): void {
    const { changeConfig } = this.#start;
    if (changeConfig === undefined) return;
    if ('signal' in changeConfig) {
      this.signal(changeConfig.signal);
      return;
    }
    const [command = '', ...words] = changeConfig.command.map((word) => this.#directory.expand(word));
    printedBy(command, words, changedWithinMs);
  }

  restart(): void {
    this.end();
    this.start();
  }

  /**
   * SIGTERM, then after a grace SIGKILL to the whole group and all that left it; waits for the end and removes the
   * socket. Idempotent.
   */
  end(): void {
    const process = this.#process;
    if (process === undefined) return;
    if (this.exit() === undefined && !this.#isSpent) {
      const end = endProcess(process, this.#graceMs * 1000);
      if (end !== undefined) this.#endedByUs(exitOf(end));
    }
    releaseGroup(process);
    endedAs(this.#number);
    if (process.stdinFd !== undefined) closeFd(process.stdinFd);
    this.#process = undefined;
    this.#directory.removeSocket();
  }

  /** Ends the process and removes its directory. */
  close(): void {
    this.end();
    this.#stderr?.close();
    this.coverage.close();
    this.#directory.remove();
  }

  /** @throws IutGoneError where the IUT has left its directory so that it cannot be prepared. */
  #prepareDirectory(): void {
    try {
      this.#directory.restore();
      this.#reports.clear();
      this.#read = [];
      this.#directory.removeSocket();
      this.#directory.makeFiles(this.#start.files ?? {});
      this.#deviceLog?.beginAnew();
    } catch (error) {
      if (error instanceof VhostConformanceError || !(error instanceof Error)) throw error;
      throw new IutGoneError(`the directory of ${this.#target.facts.name} cannot be prepared: ${error.message}`);
    }
  }

  #endedByUs(exit: IutExit): void {
    this.#exit = exit;
    this.#listener('ended-by-us', describeExit(exit));
  }

  get #isRunning(): boolean {
    return this.isAlive() && !this.#isSpent;
  }

  #ended(exit: IutExit): void {
    // Whether it fails at a write into a connection that is closed, and by its exit code or by that write, is chance.
    const isOfWrite = exit.code !== undefined || exit.signal === 'SIGPIPE';
    const isItsEnd = exit.code === 0 || (this.#isLeft && isOfWrite);
    if (this.endsWithConnection && this.#hasServed && isItsEnd) {
      this.#isSpent = true;
      this.#listener('ended', `${describeExit(exit)}, with its connection`);
      return;
    }
    // Kept with the exit: a failure is told of after another process may have been started.
    const stderr = this.stderrTail(stderrTailBytes);
    this.#exit = { ...exit, ...(stderr === '' ? {} : { stderr }), ...this.#words(exit) };
    this.#listener('died', describeExit(exit));
  }

  /** What an instrumented process says of its end. */
  #words({ code }: IutExit): Pick<IutExit, 'report' | 'lastFunction'> {
    const told = this.#reportOfEnd();
    const isTold = code === 0 || (told.report?.functions.length ?? 0) > 0;
    return isTold ? told : { ...told, ...this.#lastFunction() };
  }

  /** What is left to say of one that could write no whole report, because it unmapped itself. */
  #lastFunction(): Pick<IutExit, 'lastFunction'> {
    const place = this.coverage.lastPlace;
    const program = place === undefined ? undefined : findCommand(this.#directory.expand(this.#start.command));
    const name = place === undefined || program === undefined ? undefined : symbols.functionBefore(program, place);
    return name === undefined ? {} : { lastFunction: name };
  }

  /** UndefinedBehaviorSanitizer lets the process go on. */
  #reportOfEnd(): Pick<IutExit, 'report'> {
    const reports = this.#reports.take(true);
    const report = reports.findLast(({ tool }) => tool !== 'UndefinedBehaviorSanitizer');
    this.#read.push(...reports.filter((each) => each !== report));
    return report === undefined ? {} : { report };
  }

  #spawn(): SpawnedProcess {
    const { command, environment = {}, keepStdinOpen, workingDirectory } = this.#start;
    this.#stderr?.close();
    const stderr = new OutputSink();
    this.#stderr = stderr;
    const stdout = openFile('/dev/null', fsConstants.O_WRONLY);
    this.#number = newIutNumber();
    try {
      const spawned = spawnProcess({
        file: this.#directory.expand(command),
        args: this.#start.arguments.map((argument) => this.#directory.expand(argument)),
        env: iutEnvironment(this.#number, {
          ...this.#directory.expandedAll({
            ...environment,
            ...sanitizerEnvironment({ ...process.env, ...environment }),
          }),
          [coverageVariable]: this.coverage.path,
        }),
        cwd: workingDirectory === undefined ? this.#directory.path : this.#directory.expand(workingDirectory),
        stdin: keepStdinOpen === true ? 'pipe' : 'null',
        stdout,
        stderr: stderr.writeFd,
      });
      isRunningAs(this.#number, spawned.pid);
      return spawned;
    } catch (error) {
      throw this.#startProblem(error);
    } finally {
      closeFd(stdout);
      closeFd(stderr.writeFd);
    }
  }

  #startProblem(error: unknown): unknown {
    if (!(error instanceof SystemCallError) || error.syscall !== 'execve') return error;
    const { command } = this.#start;
    if (error.errno === errno.EACCES) return new DriverUsageError(`${command}: no permission to execute it`);
    if (error.errno !== errno.ENOENT) return error;
    const packages = this.#target.packages ?? [];
    const remedy = packages.length === 0 ? '' : ` (Debian: apt-get install ${packages.join(' or ')})`;
    return new DriverUsageError(`${command}: command not found${remedy}`);
  }

  #awaitReadiness(): void {
    const deadline = monotonicUs() + this.#start.readyWithinMs * 1000;
    for (let pauseUs = 1000; ; pauseUs = Math.min(pauseUs * 2, 20_000)) {
      const exit = this.exit();
      if (exit !== undefined) {
        const said = this.stderrTail(400).trim().split('\n').at(-1) ?? '';
        throw new IutGoneError(
          `${this.#start.command} ended before its socket listened: ${describeExit(exit)}${said === '' ? '' : `, stderr: ${said}`}`,
        );
      }
      if (isListening(this.socketPath)) return;
      if (monotonicUs() >= deadline) {
        throw new DeadlineError(
          `${this.#start.command} does not listen on ${this.socketPath} after ${this.#start.readyWithinMs} ms`,
        );
      }
      pollOne(this.pidfd, POLLIN, pauseUs);
    }
  }
}
