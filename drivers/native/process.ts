import { constants } from 'node:fs';
import { DriverUsageError } from '../errors.ts';
import { addon, checked, fail } from './addon.ts';
import { closeFd, openFile, pipe2 } from './file.ts';

export interface SpawnOptions {
  /** A path, or a name that is searched for in PATH. */
  readonly file: string;
  /** Without the program's own name. */
  readonly args: readonly string[];
  /** The whole environment; ours where it is left out. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin: 'null' | 'pipe' | number;
  readonly stdout: number;
  readonly stderr: number;
  /** Pairs of a descriptor of ours and its number in the child, above 2. */
  readonly inheritFds?: ReadonlyArray<readonly [number, number]>;
}

export interface SpawnedProcess {
  readonly pid: number;
  readonly pidfd: number;
  /** The write end, where stdin is a pipe. */
  readonly stdinFd?: number;
}

/** By the number that the addon reports (Stage in spawn.cc). */
const stages = ['pipe2', 'fork', 'prctl', 'setpgid', 'close_range', 'dup2', 'chdir', 'execve', 'pidfd_open'] as const;
const spawnOut = new Int32Array(3);

/**
 * Starts a program in a process group of its own (its pid is the group), that
 * gets SIGKILL when the thread that called this dies, with default signals,
 * no descriptor but those named here. Throws SystemCallError, that of execve
 * or chdir in the child included.
 */
export function spawnProcess(options: SpawnOptions): SpawnedProcess {
  const inherited = options.inheritFds ?? [];
  if (inherited.some(([, target]) => target <= 2)) {
    throw new DriverUsageError('inheritFds: 0, 1 and 2 of the child are its stdin, stdout and stderr');
  }
  let stdinFd: number | undefined;
  let childStdin: number;
  if (options.stdin === 'null') {
    childStdin = openFile('/dev/null', constants.O_RDONLY);
  } else if (options.stdin === 'pipe') {
    const pipe = pipe2({ nonblocking: false });
    childStdin = pipe.readFd;
    stdinFd = pipe.writeFd;
  } else {
    childStdin = options.stdin;
  }
  const sources = Int32Array.of(childStdin, options.stdout, options.stderr, ...inherited.map(([source]) => source));
  const targets = Int32Array.of(0, 1, 2, ...inherited.map(([, target]) => target));
  const env = options.env === undefined ? null : Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
  const result = addon.spawn(
    options.file,
    [options.file, ...options.args],
    env,
    options.cwd ?? null,
    sources,
    targets,
    spawnOut,
  );
  if (typeof options.stdin !== 'number') closeFd(childStdin);
  const [pid = -1, pidfd = -1, stage = 0] = spawnOut;
  if (result < 0) {
    if (stdinFd !== undefined) closeFd(stdinFd);
    fail(result, stages[stage] ?? 'fork', stages[stage] === 'chdir' ? options.cwd : options.file);
  }
  return stdinFd === undefined ? { pid, pidfd } : { pid, pidfd, stdinFd };
}

/** How a process ended, and what it used. */
export interface ProcessEnd {
  /** Whether it ended by itself (`code`), not by a signal (`signal`). */
  readonly exited: boolean;
  readonly code?: number;
  readonly signal?: number;
  readonly coreDumped: boolean;
  readonly userTimeUs: number;
  readonly systemTimeUs: number;
  readonly peakResidentKib: number;
}

const waitOut = new Float64Array(6);

/**
 * Waits for a child and reaps it; undefined where it still runs and `noHang`
 * was asked. A second time throws SystemCallError ECHILD. Wait with `poll`
 * (POLLIN) on the pidfd where a deadline is needed.
 */
export function waitPidfd(pidfd: number, options: { noHang: boolean }): ProcessEnd | undefined {
  if (checked(addon.waitPidfd(pidfd, options.noHang, waitOut), 'waitid') === 0) return undefined;
  const [code = -1, signal = 0, dumped = 0, userTimeUs = 0, systemTimeUs = 0, peakResidentKib = 0] = waitOut;
  const usage = { coreDumped: dumped === 1, userTimeUs, systemTimeUs, peakResidentKib };
  return signal === 0 ? { exited: true, code, ...usage } : { exited: false, signal, ...usage };
}

/** Sends a signal to just that process; SystemCallError ESRCH once it was reaped. */
export function signalPidfd(pidfd: number, signal: number): void {
  checked(addon.signalPidfd(pidfd, signal), 'pidfd_send_signal');
}

const ESRCH = 3;

/** Signals a whole process group; false where it has no member left. */
export function killGroup(group: number, signal: number): boolean {
  const result = addon.killGroup(group, signal);
  if (result === -ESRCH) return false;
  checked(result, 'kill');
  return true;
}

/** Reaps the ended members of a group that are children of ours, and says how many. Not before its leader was waited for. */
export function reapGroup(group: number): number {
  return checked(addon.reapGroup(group), 'waitpid');
}

const ECHILD = 10;

/** Reaps a child of ours that ended; false while it runs. True also for a process that is no child of ours any more. */
export function reapChild(pid: number): boolean {
  const result = addon.reapChild(pid);
  return result === -ECHILD || checked(result, 'waitpid') === 1;
}

export function pidfdOpen(pid: number): number {
  return checked(addon.pidfdOpen(pid), 'pidfd_open');
}

/** Makes orphans among our descendants our children, so that `reapGroup` finds them. */
export function setChildSubreaper(isSubreaper = true): void {
  checked(addon.setChildSubreaper(isSubreaper), 'prctl(PR_SET_CHILD_SUBREAPER)');
}

/** Asks for a signal when our parent's thread dies; check that the parent lives afterwards. */
export function setParentDeathSignal(signal: number): void {
  checked(addon.setParentDeathSignal(signal), 'prctl(PR_SET_PDEATHSIG)');
}

/**
 * Ends this process and all that descends from it when the process of the pidfd ends, whatever we do at that moment:
 * exit code 137. Makes us the subreaper of our descendants. The pidfd is not ours any more.
 */
export function endWithParent(pidfd: number): void {
  setChildSubreaper();
  checked(addon.endWithParent(pidfd), 'pthread_create');
}

/** CPU time of all threads of a process, in microseconds, finer than the ticks of /proc. */
export function processCpuTimeUs(pid: number): number {
  return checked(addon.processCpuTimeUs(pid), 'clock_gettime');
}
