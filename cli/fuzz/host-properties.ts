import { type OpenTarget, openerOf } from '../../drivers/open-target.ts';
import { knownTarget } from '../../fuzz/judging/known-target.ts';
import { encodeProgram } from '../../fuzz/program/program-encoding.ts';
import { resolved } from '../../fuzz/program/references.ts';
import { type PropertyTarget, propertyNames } from '../../fuzz/properties/properties.ts';
import { tryProperty } from '../../fuzz/properties/try-property.ts';
import { deadlineFor } from '../../judging/deadline.ts';
import { firstContacts } from '../../judging/first-contact.ts';
import type { ServedTarget } from '../host-cases.ts';
import { HostOrders } from '../host-orders.ts';
import type { HostJob, HostMessage, PropertiesWork } from '../host-protocol.ts';
import { examinerOf } from './host-replay.ts';

/** Tries the properties on a target, and tells what came of each. */
export async function propertiesWork(
  job: HostJob,
  work: PropertiesWork,
  tell: (message: HostMessage) => void,
): Promise<(target: ServedTarget) => void> {
  const openOther = work.other === undefined ? undefined : await openerOf(work.other);
  return (target) => tryAll(job, work, target, openOther, tell);
}

function tryAll(
  job: HostJob,
  { seed, runs, timeMs }: PropertiesWork,
  target: ServedTarget,
  openOther: OpenTarget | undefined,
  tell: (message: HostMessage) => void,
): void {
  if (new HostOrders().next() === undefined) return;
  const other = openOther === undefined ? undefined : servedBy(openOther, job);
  try {
    if (other !== undefined && typeof other !== 'object') {
      tell({ kind: 'not-served', why: `the second target: ${other}` });
      return;
    }
    const [first, second] = [target, other].map((served) => (served === undefined ? undefined : triedOn(job, served)));
    if (first === undefined) return;
    // All of the time, in equal parts: a property that is broken early leaves its part unused.
    const each = timeMs === undefined ? {} : { timeMs: timeMs / propertyNames.length };
    for (const name of propertyNames) {
      const tried = tryProperty(name, first, second, { seed, runs, ...each, step: () => tell({ kind: 'step' }) });
      tell({
        kind: 'property',
        name,
        result: tried.kind,
        runs: tried.kind === 'not-applicable' ? 0 : tried.runs,
        why: tried.kind === 'held' ? '' : tried.kind === 'broken' ? tried.how : tried.missing,
        programs:
          tried.kind === 'broken'
            ? tried.programs.map((program) => Buffer.from(encodeProgram(resolved(program))).toString('base64'))
            : [],
      });
    }
    tell({ kind: 'completed' });
  } finally {
    if (typeof other === 'object') other.port.close();
  }
}

const triedOn = (job: HostJob, served: ServedTarget): PropertyTarget => ({
  port: served.port,
  known: knownTarget(served.port, served.offer),
  examiner: examinerOf(job, served),
});

/** The target, or why it is not served. */
function servedBy(open: OpenTarget, job: HostJob): ServedTarget | string {
  const port = open({ runDirectory: job.scratch });
  const contact = firstContacts(port);
  if (contact.kind === 'not-served') {
    port.close();
    return contact.why;
  }
  port.setDeadline(deadlineFor(contact.latencyUs, port.facts.deadlineScale));
  return { port, offer: contact.offer, startMs: 0 };
}
