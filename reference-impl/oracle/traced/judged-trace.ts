import type { ObservedEvent } from '../../observations/event.ts';
import { chainsUntraced, setUpByMessages } from '../../observations/trace-notes.ts';
import { Observations } from '../observed/observations.ts';
import { TracedAnswers } from './traced-answers.ts';
import { type TracedDevice, TracedDevices } from './traced-devices.ts';
import { TracedRings } from './traced-rings.ts';

/** What is known of the case that a trace is of. */
export interface TracedCase {
  /** Its rings were watched, and none of its devices may use several chains with one element. */
  readonly judgesRings: boolean;
  /** Of a device behind a device file. */
  readonly device?: TracedDevice;
}

/**
 * What the events of a trace show by themselves of the requirements that the oracle knows: how often each was kept and
 * broken. The events are all that happened; a trace that lacks some is not judged.
 */
export function judgedTrace(events: readonly ObservedEvent[], { judgesRings, device }: TracedCase): Observations {
  const found = new Observations();
  const answers = new TracedAnswers(found.tell);
  const notes = new Set(events.flatMap((event) => (event.kind === 'note' ? [event.text] : [])));
  const rings = judgesRings && !notes.has(chainsUntraced) ? new TracedRings(found.tell) : undefined;
  const devices = device === undefined ? undefined : new TracedDevices(found.tell, device, events);
  for (const event of events) {
    if (event.kind === 'message') answers.passed(event);
    else if (event.kind === 'ring-write') {
      if (!notes.has(setUpByMessages(event.index))) rings?.wrote(event);
    } else if (event.kind === 'ioctl' || event.kind === 'region-access') devices?.called(event);
    else if (event.kind === 'connection') devices?.connection(event);
    else if (event.kind === 'process') devices?.lose();
  }
  return found;
}
