import { regionsOf } from '../../program/region-lawfulness.ts';
import { accessPlatform } from '../feature-words.ts';
import type { Step } from '../lawful-step.ts';
import { deviceState } from '../mdev-message.ts';
import type { LaidRings } from './laid-rings.ts';

type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

/** Steps of devices of vhost-mdev. */

const isMdev = ({ shape: { isFile, isVdpa } }: LaidRings): boolean => isFile && !isVdpa;

export function halt(laid: LaidRings, { chain, before, drafts, isKicked }: StepOf<'halt'>): void {
  if (!isMdev(laid)) return;
  laid.drain();
  for (const each of before) laid.draft(each);
  laid.draft(deviceState(0));
  laid.addUnkicked(chain);
  for (const each of drafts) laid.draft(each);
  laid.add('wait', { queue: laid.queue, count: 0 });
  laid.draft(deviceState(1));
  if (isKicked) laid.kick(laid.queue);
  laid.drain();
}

/** A device that has nothing to do is told of another ring than that with a chain. */
export function untold(laid: LaidRings, { chain }: StepOf<'untold'>): void {
  const other = laid.receive ?? laid.others[0];
  if (!isMdev(laid) || other === undefined) return;
  laid.drain();
  const { queue } = laid;
  laid.add('wait', { queue });
  laid.addUnkicked(chain);
  laid.add('kick', { queue: other });
  laid.add('wait', { queue });
  laid.kick(queue);
  laid.drain();
}

/** With a container, memory comes back behind a stop and a start. */
export function remap(laid: LaidRings, { chain }: StepOf<'remap'>): void {
  if (!isMdev(laid)) return;
  laid.drain();
  if ((laid.shape.offered & accessPlatform) === 0n) {
    laid.share();
    laid.chains([{ ...chain, isHeld: false }], 'all');
    return;
  }
  const call = (how: 'map' | 'unmap'): void => {
    for (let region = 0; region < regionsOf(laid.setting.memory); region++) {
      laid.add('container-call', { session: laid.session, call: how, memory: laid.memory, region });
    }
  };
  call('unmap');
  laid.addUnkicked(chain);
  laid.kick(laid.queue);
  laid.add('wait', { queue: laid.queue, count: 0 });
  call('map');
  for (const state of [0, 1]) laid.draft(deviceState(state));
  laid.kick(laid.queue);
  laid.drain();
}
