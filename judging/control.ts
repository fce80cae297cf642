import { openDeviceDriver } from '../drivers/devices/device-types.ts';
import { type DriverPort, isOfIut, type RingLayout, type Session } from '../drivers/port/port.ts';
import { DeadlineError, UnansweredError } from '../reference-impl/errors.ts';
import { guestLayouts } from '../reference-impl/memory/guest-layout.ts';
import { negotiationBeforeOffer } from './negotiation.ts';

/**
 * A whole conversation with one transfer on a fresh session and Guest: what it took from kick to used, or why not. A silence:
 * the request was made, and nothing came of it on a session that stayed open.
 */
export type Control =
  | { readonly kind: 'completed'; readonly elapsedMs: number }
  | { readonly kind: 'failed'; readonly why: string; readonly isSilence: boolean };

/** The transfer that a silence is compared with. The caller has closed its own sessions: some back-ends serve one. */
export function control(port: DriverPort, layout: RingLayout = 'split'): Control {
  const opened = port.connect();
  if (opened.kind === 'refused') return failed(opened.why);
  const { session } = opened;
  try {
    const negotiate = layout === 'packed' ? (['VIRTIO_F_RING_PACKED'] as const) : [];
    session.negotiate(negotiationBeforeOffer({ negotiate }, port.facts));
    const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
    session.shareMemory(guest);
    const driver = openDeviceDriver({ session, facts: port.facts.workload, guest: () => guest });
    const queue = driver.attach(guest.ring({ layout, size: 16 }));
    if (!driver.hasRequests) return fenced(port, session);
    const first = driver.once(queue);
    if (first !== undefined) return failed(first);
    const from = port.nowMs();
    const second = driver.once(queue);
    if (second !== undefined) return failed(second);
    return { kind: 'completed', elapsedMs: port.nowMs() - from };
  } catch (error) {
    if (!isOfIut(error)) throw error;
    const isSilence = error instanceof DeadlineError && !(error instanceof UnansweredError) && session.isOpen;
    return { kind: 'failed', why: error.message, isSilence };
  } finally {
    session.close();
  }
}

const failed = (why: string): Control => ({ kind: 'failed', why, isSilence: false });

/** The most that can be asked of a device whose requests we do not know: it answers behind a ring that runs. */
function fenced(port: DriverPort, session: Session): Control {
  const from = port.nowMs();
  const { kind } = session.fence();
  if (kind !== 'passed') return failed(`a fence behind a ring that runs: ${kind}`);
  return { kind: 'completed', elapsedMs: port.nowMs() - from };
}
