import { constants as fsConstants } from 'node:fs';
import { constants } from 'node:os';
import { encodeHeaderInto } from '../../reference-impl/wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE, VHOST_USER_REQUEST_FLAGS } from '../../reference-impl/wire/vhost-user-constants.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { SystemCallError } from '../errors.ts';
import {
  closeFd,
  monotonicUs,
  OutputSink,
  openFile,
  POLLIN,
  pollOne,
  readOnce,
  type SpawnedProcess,
  setNonblocking,
  signalPidfd,
  socketPair,
  spawnProcess,
  unixConnect,
  unixListen,
  waitPidfd,
  writeOnce,
} from '../native/native.ts';
import type { BackEndProgram, GivenSocket, IutExit, ProgramRun } from '../port/port.ts';
import type { StartCommand } from '../target.ts';
import { IutDirectory } from './iut-directory.ts';
import { isListening } from './listening-sockets.ts';
import { exitOf } from './process-exit.ts';
import { endProcess, releaseGroup } from './process-group.ts';
import { endedAs, isRunningAs, iutEnvironment, newIutNumber } from './running-iuts.ts';

const shownBytes = 4096;
const pauseUs = 5000;
/** Above those of standard streams. */
const inheritedAs = 3;
const answerBytes = VHOST_USER_HEADER_SIZE + 8;

const isAboutSocket = (word: string): boolean => word.includes('{socket}');

/** The words of a start that do not tell of the socket, by one word or by two. */
export function wordsWithoutSocket(words: readonly string[]): string[] {
  return words.filter((word, at) => !isAboutSocket(word) && words[at + 1] !== '{socket}');
}

/** The program of a target that is started by a command. */
export class StartedProgram implements BackEndProgram {
  readonly #start: StartCommand;
  readonly #runs = new Set<Run>();

  constructor(start: StartCommand) {
    this.#start = start;
  }

  start(given: GivenSocket, words: (socketPath: string, descriptor: number) => readonly string[]): ProgramRun {
    const run = new Run(this.#start, given, words, () => this.#runs.delete(run));
    this.#runs.add(run);
    return run;
  }

  endAll(): number {
    const count = this.#runs.size;
    for (const run of this.#runs) run.end();
    return count;
  }
}

/** The descriptor for the program, and the other end of one that is connected. */
function socketFor(given: GivenSocket, path: string): { readonly theirs?: number; readonly ours?: number } {
  if (given === 'path') return {};
  if (given === 'listening') {
    const theirs = unixListen(path);
    // As management software opens it: a program may wait in accept(2).
    setNonblocking(theirs, false);
    return { theirs };
  }
  const [ours, theirs] = socketPair();
  return { theirs, ours };
}

class Run implements ProgramRun {
  readonly #directory: IutDirectory;
  readonly #process: SpawnedProcess;
  readonly #sink = new OutputSink();
  readonly #number = newIutNumber();
  readonly #gone: () => void;
  #connection: number | undefined;
  #exit: IutExit | undefined;
  #hasEnded = false;

  constructor(
    start: StartCommand,
    given: GivenSocket,
    words: (socketPath: string, descriptor: number) => readonly string[],
    gone: () => void,
  ) {
    this.#gone = gone;
    this.#directory = new IutDirectory('program.sock');
    this.#directory.makeFiles(start.files ?? {});
    const { theirs, ours } = socketFor(given, this.socketPath);
    this.#connection = ours;
    const silent = openFile('/dev/null', fsConstants.O_WRONLY);
    const expand = (text: string): string => this.#directory.expand(text);
    try {
      this.#process = spawnProcess({
        file: expand(start.command),
        args: [...wordsWithoutSocket(start.arguments).map(expand), ...words(this.socketPath, inheritedAs)],
        env: iutEnvironment(this.#number, this.#directory.expandedAll(start.environment ?? {})),
        cwd: this.#directory.path,
        stdin: 'null',
        stdout: this.#sink.writeFd,
        stderr: silent,
        inheritFds: theirs === undefined ? [] : [[theirs, inheritedAs]],
      });
      isRunningAs(this.#number, this.#process.pid);
    } catch (error) {
      this.#directory.remove();
      throw error;
    } finally {
      for (const each of [silent, this.#sink.writeFd, theirs]) if (each !== undefined) closeFd(each);
    }
  }

  get socketPath(): string {
    return this.#directory.socketPath;
  }

  waitForExit(milliseconds: number): IutExit | undefined {
    if (this.#exit !== undefined || this.#hasEnded) return this.#exit;
    pollOne(this.#process.pidfd, POLLIN, milliseconds * 1000);
    const end = waitPidfd(this.#process.pidfd, { noHang: true });
    if (end !== undefined) this.#exit = exitOf(end);
    return this.#exit;
  }

  listens(milliseconds: number): boolean {
    const deadline = monotonicUs() + milliseconds * 1000;
    for (;;) {
      const hasExited = this.waitForExit(0) !== undefined;
      if (isListening(this.socketPath)) return true;
      if (hasExited || monotonicUs() > deadline) return false;
      pollOne(this.#process.pidfd, POLLIN, pauseUs);
    }
  }

  answers(milliseconds: number): boolean {
    const request = new Uint8Array(VHOST_USER_HEADER_SIZE);
    encodeHeaderInto(new DataView(request.buffer), 0, requestId.VHOST_USER_GET_FEATURES, VHOST_USER_REQUEST_FLAGS, 0);
    try {
      this.#connection ??= unixConnect(this.socketPath, { timeoutMs: milliseconds });
      writeOnce(this.#connection, request, 0, request.length);
      const answer = new Uint8Array(answerBytes);
      for (let count = 0; count < answerBytes; ) {
        if (pollOne(this.#connection, POLLIN, milliseconds * 1000) === 0) return false;
        const more = readOnce(this.#connection, answer, count, answerBytes - count);
        if (more <= 0) return false;
        count += more;
      }
      return new DataView(answer.buffer).getUint32(0, true) === requestId.VHOST_USER_GET_FEATURES;
    } catch (error) {
      if (error instanceof SystemCallError) return false;
      throw error;
    }
  }

  terminate(): void {
    if (this.waitForExit(0) === undefined) signalPidfd(this.#process.pidfd, constants.signals.SIGTERM);
  }

  printed(): string {
    return this.#sink.head(shownBytes);
  }

  end(): void {
    if (this.#hasEnded) return;
    if (this.waitForExit(0) === undefined) endProcess(this.#process, 0);
    this.#hasEnded = true;
    if (this.#connection !== undefined) closeFd(this.#connection);
    releaseGroup(this.#process);
    this.#directory.remove();
    endedAs(this.#number);
    this.#sink.close();
    this.#gone();
  }
}
