import { requestId } from '../../../reference-impl/wire/vhost-user-messages.ts';
import { type Call, callOf } from '../../program/program.ts';
import { segmentsOf, writableSegment } from '../chain-segments.ts';
import type { Chain, Step } from '../lawful-step.ts';
import { disabling, protocolBits } from '../told-message.ts';
import { resume, suspend } from '../vdpa-call.ts';
import type { LaidRings } from './laid-rings.ts';

type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

/** Steps in which rings stop, rest or are replaced, whatever the transport. */

/** Nothing is used of a ring that stopped, or whose device was reset. */
export function rest(laid: LaidRings, { by, chain }: StepOf<'rest'>): void {
  if (laid.shape.isVdpa) return;
  const { session } = laid;
  const hasStatus = laid.has(protocolBits.status);
  const reset = resetBy(laid, by);
  if (reset === undefined) laid.stop();
  else {
    laid.drain();
    laid.calls.push({ ...reset, id: laid.calls.length + 1 });
  }
  const queues = [laid.receive, laid.queue, ...laid.others].filter((queue) => queue !== undefined);
  for (const queue of queues) {
    const segments = queue === laid.receive ? [writableSegment(laid.setting.room)] : segmentsOf(chain);
    if (segments.length <= laid.size) laid.add('chain', { queue, segments });
    // No driver kicks before DRIVER_OK.
    if (reset === undefined || !hasStatus) laid.add('kick', { queue });
  }
  laid.add('fence', { session });
  for (const queue of queues) laid.add('wait', { queue, count: 0 });
  if (reset !== undefined) {
    // A device that was reset is set up anew from the start.
    if (hasStatus) laid.add('message', { session, request: requestId.VHOST_USER_GET_STATUS });
    laid.reconnect();
  }
  laid.replace(0);
}

/** The message that resets the device; undefined where there is none. */
function resetBy(laid: LaidRings, by: 'stop' | 'reset' | 'status'): Call | undefined {
  const [request, gate, value] =
    by === 'reset'
      ? [requestId.VHOST_USER_RESET_DEVICE, protocolBits.resetDevice, undefined]
      : [requestId.VHOST_USER_SET_STATUS, protocolBits.status, 0n];
  if (by === 'stop' || laid.shape.isFile || !laid.has(gate)) return undefined;
  const fields = value === undefined ? [] : [{ name: 'u64', value: { kind: 'literal' as const, value } }];
  return callOf('message', 0, { session: laid.session, request, flags: laid.replyFlags, fields });
}

/** The session ends while rings run, and the next one has others. */
export function cut(laid: LaidRings, { how, start }: StepOf<'cut'>): void {
  laid.drain();
  laid.add('disconnect', { session: laid.session, how });
  laid.session = laid.add('connect');
  laid.negotiate();
  laid.share();
  laid.replace(start);
}

/** Another set of features, while every ring is stopped. */
export function renegotiate(laid: LaidRings, { features }: StepOf<'renegotiate'>): void {
  laid.stop();
  if (!laid.shape.isFile) {
    laid.turnFeatures(features);
    laid.resize();
  }
  laid.replace(0);
}

export function swap(laid: LaidRings, { size, start, hasOtherMemory }: StepOf<'swap'>): void {
  laid.stop();
  laid.resize(size);
  if (hasOtherMemory && !laid.shape.isFile) {
    laid.memory = laid.add('memory', { layout: laid.setting.memory });
    laid.share();
  }
  laid.replace(start);
}

/** Nothing is used while a ring is disabled; what waits is, once it is enabled. */
export function pause(laid: LaidRings, { chains }: StepOf<'pause'>): void {
  const { isFile, isVdpa, isOld, device } = laid.shape;
  if ((isFile && !isVdpa) || isOld || (isVdpa && device === 'net')) return;
  laid.drain();
  const { queue } = laid;
  const [begin, end] = isVdpa && chains.length === 1 ? [suspend, resume] : [undefined, undefined];
  if (begin === undefined) laid.add('enable', { queue, on: false });
  else laid.draft(begin);
  laid.chains(chains, 'none');
  laid.add('fence', { session: laid.session });
  // A transmit ring that is disabled uses what it discards.
  laid.add('wait', { queue, count: device === 'net' ? laid.outstanding : 0 });
  if (end === undefined) laid.add('enable', { queue });
  else laid.draft(end);
  laid.drain();
}

/** A ring without requests stops while the others run, and starts again behind some. */
export function pauseOther(laid: LaidRings, { how, chains }: StepOf<'other'>): void {
  const [queue] = laid.idle.length > 0 ? laid.idle : laid.others;
  if (queue === undefined) return;
  laid.drain();
  if (how === 'disable') {
    if (laid.shape.isFile || laid.shape.isOld) return;
    laid.add('enable', { queue, on: false });
    laid.chains(chains, 'all');
    laid.add('enable', { queue });
    return;
  }
  laid.add('stop', { queue });
  laid.chains(chains, 'all');
  const index = laid.shape.device === 'net' ? 2 : laid.indexOf(queue);
  const again = laid.add('attach', { session: laid.session, ring: laid.rings[index] ?? 0, index });
  laid.idle = laid.idle.map((one) => (one === queue ? again : one));
  laid.others = laid.others.map((one) => (one === queue ? again : one));
  laid.chains(chains, 'all');
}

/** Nothing is used of a ring that is not enabled. */
export function dormant(laid: LaidRings, { isDisabled, chain }: StepOf<'dormant'>): void {
  const { isFile, isOld, device } = laid.shape;
  if (isFile || isOld || device === 'net') return;
  laid.stop();
  if (isDisabled) laid.tell(disabling(laid.rings.length - 1));
  laid.attach(false);
  laid.addUnkicked(chain);
  laid.kick(laid.queue);
  if (!isDisabled) laid.drain();
  awake(laid);
}

/** A ring that was not enabled is. */
export function awake(laid: LaidRings): void {
  laid.add('fence', { session: laid.session });
  laid.add('wait', { queue: laid.queue, count: 0 });
  laid.add('enable', { queue: laid.queue });
  laid.drain();
}

/** A chain is there before DRIVER_OK, and nothing is used until then. */
export function attachEarly(laid: LaidRings, chain: Chain): void {
  laid.attach(false, false);
  laid.addUnkicked(chain);
  laid.add('enable', { queue: laid.queue });
  laid.add('fence', { session: laid.session });
  laid.add('wait', { queue: laid.queue, count: 0 });
  laid.tellReady();
  laid.kick(laid.queue);
  laid.drain();
}
