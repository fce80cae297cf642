import { readFileSync, writeSync } from 'node:fs';
import { SystemCallError } from '../drivers/errors.ts';
import { adoptOrphans } from '../drivers/iut-process/orphans.ts';
import { endWithParent, pidfdOpen } from '../drivers/native/native.ts';
import { type OpenTarget, openerOf } from '../drivers/open-target.ts';
import type { DriverPort } from '../drivers/port/port.ts';
import { deadlineFor, moreForSlow } from '../judging/deadline.ts';
import { type FirstContact, firstContacts } from '../judging/first-contact.ts';
import { namesIn } from '../reference-impl/catalogue/catalogue.ts';
import { VhostConformanceError } from '../reference-impl/errors.ts';
import type { TargetRecord } from '../reports/record/record.ts';
import { deviceOffering } from './external-target.ts';
import type { ServedTarget } from './host-cases.ts';
import { type HostJob, type HostMessage, messageDescriptor } from './host-protocol.ts';
import { instanceOf } from './instances.ts';

/** Where each session starts a process, a sweep starts hundreds. */
const startsOfSweepMs = 240_000;

/**
 * Judges one target. What the job needs is loaded first; from then on it is synchronous, blocking, one thread. A kill
 * loses nothing that is on disk.
 */
export async function hostProcess(jobPath: string): Promise<void> {
  const job = JSON.parse(readFileSync(jobPath, 'utf8')) as HostJob;
  dieWithParent(job.parentPid);
  judgeTarget(job, await openerOf(job.target), await loadWork(job));
}

/** What carries out the job on a target that serves. */
async function loadWork(job: HostJob): Promise<(target: ServedTarget) => void> {
  switch (job.work.kind) {
    case 'cases': {
      const { loadCasesWork } = await import('./host-cases.ts');
      return await loadCasesWork(job, job.work, tell);
    }
    case 'replay': {
      const { replayWork } = await import('./fuzz/host-replay.ts');
      return replayWork(job, job.work, tell);
    }
    case 'minimize': {
      const { minimizeWork } = await import('./fuzz/host-minimize.ts');
      return minimizeWork(job, job.work, tell);
    }
    case 'distill': {
      const { distillWork } = await import('./fuzz/host-distill.ts');
      return distillWork(job, job.work, tell);
    }
    case 'properties': {
      const { propertiesWork } = await import('./fuzz/host-properties.ts');
      return await propertiesWork(job, job.work, tell);
    }
    case 'campaign': {
      const { campaignWork } = await import('./fuzz/host-campaign.ts');
      return campaignWork(job, job.work, tell);
    }
  }
}

function judgeTarget(job: HostJob, open: OpenTarget, work: (target: ServedTarget) => void): void {
  const began = performance.now();
  const port = openedPort(job, open);
  if (port === undefined) return;
  try {
    const contact = firstContacts(port);
    const problem = contact.kind === 'served' ? contradiction(contact, port) : contact.why;
    if (contact.kind === 'not-served' || problem !== undefined) {
      tell({ kind: 'unusable', why: problem ?? 'it is not served' });
      return;
    }
    port.setDeadline(deadlineFor(contact.latencyUs, port.facts.deadlineScale));
    const startMs = performance.now() - began;
    const target = targetRecordOf(job, port, contact, startMs);
    const forStarts = port.endsWithConnection === true ? startsOfSweepMs : 0;
    tell({ kind: 'ready', target, slowerByMs: moreForSlow(port.deadlineMs) + forStarts });
    work({ port, offer: contact.offer, startMs });
  } finally {
    port.close();
  }
}

/** Ends when the parent ends, by any cause, and all that we started ends with us. */
function dieWithParent(parentPid: number): void {
  adoptOrphans();
  const pidfd = pidfdOf(parentPid);
  // It may have ended before this line.
  if (pidfd === undefined || process.ppid !== parentPid) process.exit(2);
  endWithParent(pidfd);
}

function pidfdOf(pid: number): number | undefined {
  try {
    return pidfdOpen(pid);
  } catch (error) {
    if (error instanceof SystemCallError) return undefined;
    throw error;
  }
}

function openedPort(job: HostJob, open: OpenTarget): DriverPort | undefined {
  try {
    return open({
      runDirectory: job.scratch,
      ...(job.binaryHash === undefined ? {} : { binaryHash: job.binaryHash }),
    });
  } catch (error) {
    if (!(error instanceof VhostConformanceError)) throw error;
    tell({ kind: 'unusable', why: error.message });
    return undefined;
  }
}

type Served = Extract<FirstContact, { kind: 'served' }>;

function contradiction({ offer }: Served, port: DriverPort): string | undefined {
  if (port.facts.device !== 'block' || deviceOffering(offer.device) === 'block') return undefined;
  return 'it offers feature bits of a network device, and is to be judged as block: say --device net';
}

function targetRecordOf(job: HostJob, port: DriverPort, { offer, latencyUs }: Served, startMs: number): TargetRecord {
  const { name, transport, device, identity, version, binaryHash, capabilities, ownedBy, shown, texts } = port.facts;
  return {
    event: 'target',
    target: name,
    transport,
    device,
    identity,
    version,
    ...(binaryHash === undefined ? {} : { binaryHash }),
    offered: namesIn(offer, port.facts),
    capabilities: [...capabilities],
    ownedBy: { ...ownedBy },
    ...(shown === undefined ? {} : { shown: { ...shown } }),
    ...(texts === undefined ? {} : { texts: [...texts] }),
    startMs: Math.round(startMs),
    latencyUs: Math.round(latencyUs),
    ...instanceOf(job),
    ...(job.instances === undefined ? {} : { instances: job.instances }),
  };
}

function tell(message: HostMessage): void {
  writeSync(messageDescriptor, `${JSON.stringify(message)}\n`);
}
