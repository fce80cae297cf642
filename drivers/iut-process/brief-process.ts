import { constants } from 'node:os';
import { SystemCallError } from '../errors.ts';
import {
  closeFd,
  killGroup,
  OutputSink,
  POLLIN,
  pollOne,
  reapGroup,
  type SpawnedProcess,
  spawnProcess,
  waitPidfd,
} from '../native/native.ts';

const shownBytes = 4096;
const endsWithinUs = 2_000_000;

/**
 * What a command prints first, on standard output and error together: up to 4 KiB, empty where it cannot be executed.
 * Past its time it is ended by SIGKILL, with its process group.
 */
export function printedBy(command: string, args: readonly string[], withinMs: number): string {
  const sink = new OutputSink();
  try {
    const process = started(command, args, sink);
    if (process === undefined) return '';
    const isEnded = waitFor(process.pidfd, withinMs * 1000);
    killGroup(process.pid, constants.signals.SIGKILL);
    if (isEnded || waitFor(process.pidfd, endsWithinUs)) waitPidfd(process.pidfd, { noHang: true });
    reapGroup(process.pid);
    closeFd(process.pidfd);
    return sink.head(shownBytes);
  } finally {
    sink.close();
  }
}

function started(command: string, args: readonly string[], sink: OutputSink): SpawnedProcess | undefined {
  try {
    return spawnProcess({ file: command, args, stdin: 'null', stdout: sink.writeFd, stderr: sink.writeFd });
  } catch (error) {
    if (error instanceof SystemCallError) return undefined;
    throw error;
  } finally {
    closeFd(sink.writeFd);
  }
}

function waitFor(pidfd: number, timeoutUs: number): boolean {
  return pollOne(pidfd, POLLIN, timeoutUs) !== 0;
}
