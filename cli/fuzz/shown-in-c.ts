import type { DriverPort } from '../../drivers/port/port.ts';
import type { Bucket } from '../../fuzz/campaign/bucket-store.ts';
import { type Finding, findingText } from '../../fuzz/executor/finding.ts';
import { printC } from '../../fuzz/print-c/print-c.ts';
import { recorded } from '../../fuzz/print-c/record-program.ts';
import type { HostJob } from '../host-protocol.ts';

/** A bucket, or what was replayed without one. */
type Shows = Pick<Bucket, 'name' | 'before' | 'program'> & { readonly finding?: Finding };

/** Runs the programs of a bucket once more, on a process that is fresh, and prints them as C; undefined where that is no socket. */
export function shownInC(
  { target }: HostJob,
  port: DriverPort,
  { name, finding, before, program }: Shows,
): string | undefined {
  const recording = recorded(port, [...before, program], { transfer: finding?.kind === 'hang' });
  if (recording === undefined) return undefined;
  return printC(recording, {
    about: [name, ...(finding === undefined ? [] : [findingText(finding)])],
    isOneConnection: target.start?.lifetime === 'connection',
  });
}
