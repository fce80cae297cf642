import { Workload } from '../../drivers/devices/workload.ts';
import type { DriverPort } from '../../drivers/port/port.ts';
import { DeadlineError, IutGoneError, PeerProtocolError } from '../../drivers/port/port.ts';
import type { FeatureName } from '../../reference-impl/catalogue/catalogue.ts';
import { featureByName } from '../../reference-impl/catalogue/catalogue.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';

/** A new connection that answers GET_FEATURES. */
export function isServing(port: DriverPort): boolean {
  if (!port.iut.isAlive()) return false;
  const opened = port.connect();
  if (opened.kind === 'refused') return false;
  const answer = opened.session.fence();
  opened.session.close();
  return answer.kind === 'passed';
}

/** Starts the target afresh and says whether that worked; false also where it is not ours to start. */
export function startedAfresh(port: DriverPort): boolean {
  if (!port.facts.capabilities.includes('restart')) return false;
  try {
    port.iut.restart();
    return true;
  } catch (error) {
    if (error instanceof DeadlineError || error instanceof IutGoneError) return false;
    throw error;
  }
}

/** A whole conversation with one transfer on a fresh session and Guest: what it took from kick to used, or why not. */
export type Control =
  | { readonly kind: 'completed'; readonly elapsedMs: number }
  | { readonly kind: 'failed'; readonly why: string };

/** The control of a stall (DESIGN, fair verdicts, rule 2). */
export function control(port: DriverPort): Control {
  const opened = port.connect();
  if (opened.kind === 'refused') return { kind: 'failed', why: opened.why };
  const { session } = opened;
  try {
    session.negotiate({ features: requiredBits(port), protocolFeatures: 0n });
    const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
    session.shareMemory(guest);
    const workload = new Workload(port.facts.workload, () => guest);
    const queue = workload.attach(session, guest.splitRing({ size: 16 }));
    const first = workload.once(queue);
    if (first !== undefined) return { kind: 'failed', why: first };
    const from = port.nowMs();
    const second = workload.once(queue);
    if (second !== undefined) return { kind: 'failed', why: second };
    return { kind: 'completed', elapsedMs: port.nowMs() - from };
  } catch (error) {
    if (error instanceof DeadlineError || error instanceof IutGoneError || error instanceof PeerProtocolError) {
      return { kind: 'failed', why: error.message };
    }
    throw error;
  } finally {
    session.close();
  }
}

function requiredBits(port: DriverPort): bigint {
  const names = new Set<string>([
    'VIRTIO_F_VERSION_1',
    'VHOST_USER_F_PROTOCOL_FEATURES',
    ...port.facts.requiredFeatures,
  ]);
  let bits = 0n;
  for (const name of names) {
    const feature = featureByName(name as FeatureName);
    if (feature.kind !== 'vhost-user-protocol') bits |= 1n << BigInt(feature.bit);
  }
  return bits;
}
