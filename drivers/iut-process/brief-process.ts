import { SystemCallError } from '../errors.ts';
import { closeFd, OutputSink, POLLIN, pollOne, type SpawnedProcess, spawnProcess } from '../native/native.ts';
import { endProcess, releaseGroup } from './process-group.ts';

const shownBytes = 4096;

/**
 * What a command prints first, on standard output and error together: up to 4 KiB, empty where it cannot be executed.
 * Past its time it is ended by SIGKILL, with its process group.
 */
export function printedBy(command: string, args: readonly string[], withinMs: number): string {
  const sink = new OutputSink();
  try {
    const process = started(command, args, sink);
    if (process === undefined) return '';
    pollOne(process.pidfd, POLLIN, withinMs * 1000);
    endProcess(process, 0);
    releaseGroup(process);
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
