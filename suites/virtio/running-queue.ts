import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import { unmetNeeds } from '../../drivers/devices/request-needs.ts';
import {
  type AttachOptions,
  DeadlineError,
  type GuestRing,
  PeerProtocolError,
  presupposing,
  type Queue,
  type Session,
} from '../../drivers/port/port.ts';
import type { RingPlacement } from '../../reference-impl/virtqueue/ring-placement.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { transferred } from '../premise.ts';

/** What of a case's context is needed to have a ring run on a session of its own. */
type Context<S extends Session, R extends GuestRing = GuestRing> = Pick<
  CaseContext<string, VariantAxes, S, R>,
  'connect' | 'driverOf' | 'ring'
>;

export interface RunningQueue<S extends Session = Session, R extends GuestRing = GuestRing> {
  readonly session: S;
  readonly driver: DeviceDriver<R>;
  readonly ring: R;
  readonly queue: Queue<R>;
}

/** A new negotiated session with a ring that runs: what every point of a sweep begins with. */
export function runningQueue<S extends Session, R extends GuestRing>(
  context: Context<S, R>,
  options: Partial<AttachOptions> & { readonly size?: number; readonly placement?: RingPlacement } = {},
): RunningQueue<S, R> {
  const { size = 16, placement = 'contiguous', position, ...attach } = options;
  const session = context.connect('negotiated');
  const driver = context.driverOf(session);
  const ring = context.ring({ size, placement, ...(position === undefined ? {} : { position }) });
  return { session, driver, ring, queue: driver.attach(ring, attach) };
}

/** What the case's driver says of itself once it is negotiated, asked on a session that is closed again. */
export function askedDriver<T>(
  context: Pick<Context<Session, GuestRing>, 'connect' | 'driverOf'>,
  ask: (driver: DeviceDriver, session: Session) => T,
): T {
  const session = context.connect('negotiated');
  const answer = ask(context.driverOf(session), session);
  session.close();
  return answer;
}

type Serving<R extends GuestRing> = Context<Session, R> & Pick<CaseContext<string, VariantAxes>, 'port'>;

/**
 * A transfer on a session of its own completes. Other cases judge what it carries.
 * @throws as `waitForUsed`, which makes a failure of the requirement that is being shown.
 */
export function servesAfresh<R extends GuestRing>(context: Serving<R>, check: Check, what: string): boolean {
  serveAfresh(context, what);
  return check.holds(true, `a transfer on a fresh session ${what}`, { expected: 'it ends', actual: 'it ended' });
}

/**
 * A case that asks for service behind what it does presupposes service before it: where no frame comes back as the
 * device tells of it, that none does afterwards is no harm of the case. @throws CaseEnded
 */
export function presumesService<R extends GuestRing>(context: Serving<R>, check: Check): void {
  try {
    presupposing(() => serveAfresh(context, 'before anything'));
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    check.presumes(false, `a transfer on a fresh session: ${error.message}`);
  }
}

function serveAfresh<R extends GuestRing>(context: Serving<R>, what: string): void {
  const { session, driver, queue } = runningQueue(context);
  const lacking = unmetNeeds(context.port.facts.workload);
  if (lacking.includes('requests')) {
    // Of a device whose requests we do not know: its messages are answered while the ring runs.
    const { kind } = session.fence();
    if (kind !== 'passed') throw new PeerProtocolError(`a fence on a fresh session ${what}: ${kind}`);
  } else if (lacking.includes('transfers') || lacking.includes('answered-frames')) {
    driver.once(queue);
  } else {
    transferred(context.port, () => driver.transfer(queue));
  }
  session.close();
}
