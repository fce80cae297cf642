import { existsSync, constants as fileConstants, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DriverUsageError, IutGoneError, SystemCallError } from '../errors.ts';
import { describeExit, exitOf } from '../iut-process/process-exit.ts';
import { endProcess, releaseGroup } from '../iut-process/process-group.ts';
import {
  closeFd,
  monotonicUs,
  OutputSink,
  openFile,
  POLLIN,
  pollOne,
  type SpawnedProcess,
  spawnProcess,
  waitPidfd,
} from '../native/native.ts';
import type { IutExit } from '../port/port.ts';
import type { VdpaServer } from '../reach.ts';
import { destroyVduse } from './vduse-control.ts';

const shownOfStderr = 4096;
const pauseUs = 20_000;
const graceUs = 1_000_000;

/** The program that serves a vDPA device of ours: started before the device is made, ended once it is gone. */
export class ServedVdpa {
  readonly #server: VdpaServer;
  readonly #name: string;
  readonly #directory: string;
  #stderr: OutputSink | undefined;
  #process: SpawnedProcess | undefined;
  #exit: IutExit | undefined;

  /** @param name of the device, `{name}` in what the program is told. */
  constructor(server: VdpaServer, name: string) {
    this.#server = server;
    this.#name = name;
    this.#directory = mkdtempSync(join(tmpdir(), 'vhost-conformance-vdpa-'));
    for (const [file, bytes] of Object.entries(server.files)) {
      const path = join(this.#directory, file);
      writeFileSync(path, '');
      truncateSync(path, bytes);
    }
  }

  /** Waits until the device can be made. @throws DriverUsageError where there is no such program, IutGoneError. */
  start(): void {
    const { command, device, readyWithinMs } = this.#server;
    this.#exit = undefined;
    this.#process = this.#spawn();
    const until = monotonicUs() + readyWithinMs * 1000;
    while (!existsSync(this.#expanded(device))) {
      const exit = this.exit();
      const why = exit === undefined ? `makes no ${device} in ${readyWithinMs} ms` : `ended: ${describeExit(exit)}`;
      if (exit !== undefined || monotonicUs() > until) {
        const said = this.#stderr?.tail(shownOfStderr).trim().split('\n').at(-1) ?? '';
        this.end();
        throw new IutGoneError(`${command} ${why}${said === '' ? '' : `, stderr: ${said}`}`);
      }
      this.#wait(pauseUs);
    }
  }

  get isAlive(): boolean {
    return this.#process !== undefined && this.exit() === undefined;
  }

  /** How it ended by itself; undefined while it runs. */
  exit(): IutExit | undefined {
    if (this.#exit !== undefined || this.#process === undefined) return this.#exit;
    const end = waitPidfd(this.#process.pidfd, { noHang: true });
    if (end === undefined) return undefined;
    const stderr = this.#stderr?.tail(shownOfStderr) ?? '';
    this.#exit = { ...exitOf(end), ...(stderr === '' ? {} : { stderr }) };
    return this.#exit;
  }

  /** SIGTERM, then SIGKILL to all of its group. Idempotent. */
  end(): void {
    const process = this.#process;
    if (process === undefined) return;
    if (this.exit() === undefined) endProcess(process, graceUs);
    releaseGroup(process);
    // A program that ended badly leaves it, and the next one would get it as it is.
    if (existsSync(this.#expanded(this.#server.device))) destroyVduse(this.#name);
    this.#process = undefined;
    this.#stderr?.close();
  }

  /** Ends it, and removes its files. */
  close(): void {
    this.end();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #spawn(): SpawnedProcess {
    const { command, arguments: words } = this.#server;
    this.#stderr = new OutputSink();
    const stdout = openFile('/dev/null', fileConstants.O_WRONLY);
    try {
      const args = words.map((word) => this.#expanded(word));
      return spawnProcess({ file: command, args, stdin: 'null', stdout, stderr: this.#stderr.writeFd });
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      throw new DriverUsageError(`${command} cannot be started: ${error.message}`);
    } finally {
      closeFd(stdout);
      closeFd(this.#stderr.writeFd);
    }
  }

  #expanded(word: string): string {
    return word.replaceAll('{name}', this.#name).replaceAll('{dir}', this.#directory);
  }

  /** Until it ends, or so long. */
  #wait(timeoutUs: number): void {
    pollOne(this.#process?.pidfd ?? -1, POLLIN, timeoutUs);
  }
}
