import { fileURLToPath } from 'node:url';
import { type ReferenceDevice, referenceDevices } from '../../reference-impl/devices/reference-devices.ts';
import { type FaultName, withFaults } from '../../reference-impl/faults/faults.ts';
import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { type ReferenceRules, referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { StartedProgram } from '../iut-process/started-program.ts';
import { VhostUserPort } from '../vhost-user/vhost-user-port.ts';
import { InProcessCarrier } from './in-process-carrier.ts';
import { InProcessIut } from './in-process-iut.ts';
import { referenceFacts } from './reference-facts.ts';

export interface OpenReferenceOptions {
  readonly device: ReferenceDevice;
  /** The rules of the reference unless given. */
  readonly rules?: ReferenceRules;
  /** Faults to put into them. */
  readonly faults?: readonly FaultName[];
  /** As the type counts them, and as many as it has unless given. */
  readonly queues?: number;
  readonly deadlineMs?: number;
  /** The log of another port, where a case has two. */
  readonly log?: EventLog;
}

const server = fileURLToPath(new URL('./serve.js', import.meta.url));

/** The same back-end in a process of its own. */
function programOf(device: ReferenceDevice, queues: number, faults: readonly FaultName[]): StartedProgram {
  const ofFaults = faults.flatMap((fault) => ['--fault', fault]);
  const words = [server, '--device', device, '--queues', `${queues}`, ...ofFaults];
  return new StartedProgram({ command: process.execPath, arguments: words, readyWithinMs: 30_000 });
}

/** The port to a reference of this process. Nothing waits in vain there: what is not answered now never is. */
export function openReference(options: OpenReferenceOptions): VhostUserPort {
  const { device, faults = [], queues = referenceDevices[device].queues, deadlineMs, log } = options;
  const rules = withFaults(options.rules ?? referenceRules, faults);
  const carrier = new InProcessCarrier({ device, rules, queues, stored: (...store) => stored(...store) });
  const facts = { ...referenceFacts(device, `reference-${device}-in-process`), version: 'in process' };
  const iut = new InProcessIut(carrier, () => carrier.resourcesAtRest());
  const port = new VhostUserPort({
    facts,
    program: programOf(device, queues, faults),
    operator: { changeConfig: () => carrier.backEnd.changeConfig() },
    carrier,
    iut,
    recovery: ['reconnect', 'restart'],
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(log === undefined ? {} : { log }),
  });
  const stored = port.oracle.takeStores();
  return port;
}
