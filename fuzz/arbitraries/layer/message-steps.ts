import { requestId } from '../../../reference-impl/wire/vhost-user-messages.ts';
import { inOrder, logAll } from '../feature-words.ts';
import type { Step } from '../lawful-step.ts';
import { callDescriptor, inflightBuffer, logBase, protocolBits } from '../told-message.ts';
import type { LaidRings } from './laid-rings.ts';
import { isOffered } from './session-shape.ts';

type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

/** Steps that are messages of vhost-user. */

/** The log changes while rings run, and the features that say whether there is one. */
export function log(laid: LaidRings, { how }: StepOf<'logging'>): void {
  const { isFile, isOld, isTranslated, offered } = laid.shape;
  const mayLog = (offered & logAll) !== 0n && laid.has(protocolBits.logShmfd);
  if (isFile || isOld || isTranslated || !mayLog) return;
  laid.drain();
  const isOn = (laid.deviceWord & logAll) !== 0n;
  if (how === 'off' ? !isOn : how === 'on' ? isOn : false) return;
  if (how === 'base' || !laid.hasLog) laid.tell(logBase(laid.setting.logOffset));
  laid.hasLog = true;
  if (how === 'base') return;
  laid.deviceWord ^= logAll;
  laid.acknowledge();
}

export function transfer(laid: LaidRings, { transfers }: StepOf<'transfer'>): void {
  if (laid.shape.isFile || !laid.has(protocolBits.deviceState)) return;
  laid.stop();
  for (const each of transfers) laid.add('transfer', { ...each, session: laid.session });
  laid.attach();
}

/** One ring, which has not started when the record of its requests in flight is written. */
export function takeOver(laid: LaidRings, { left, order, first, behind }: StepOf<'takeover'>): void {
  const { isFile, isOld, isTranslated, device, offered, offeredProtocol } = laid.shape;
  const mayRecord = isOffered({ device: offered, protocol: offeredProtocol }, 0n, protocolBits.inflight);
  const isPlain = !isFile && !isOld && !isTranslated && (laid.deviceWord & logAll) === 0n;
  if (!mayRecord || !isPlain || device === 'net') return;
  laid.stop();
  const count = laid.rings.length;
  laid.protocol |= protocolBits.inflight;
  laid.reconnect();
  laid.tell({ ...inflightBuffer(1, laid.size), times: 1 });
  const event = laid.calls.length;
  const [ring = 0] = laid.placed(1, laid.setting.start, 0);
  const queue = laid.add('attach', { session: laid.session, ring, order: 'without-kick' });
  laid.attached([queue]);
  for (const chain of left) laid.addUnkicked({ ...chain, isHeld: false });
  const isInOrder = (laid.deviceWord & inOrder) !== 0n;
  laid.add('record', { event, queue, order: isInOrder ? 'rising' : order, first });
  laid.tell({ ...callDescriptor(0), request: requestId.VHOST_USER_SET_VRING_KICK });
  laid.tellReady();
  laid.add('kick', { queue });
  laid.drain();
  laid.chains(behind, 'all');
  laid.stop();
  laid.reconnect();
  laid.rings = laid.placed(count, 0);
  laid.attach();
}
