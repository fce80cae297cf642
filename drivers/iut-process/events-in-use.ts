import { readFileSync } from 'node:fs';
import { closeFd, eventfdCreate } from '../native/native.ts';

const batch = 64;

/**
 * How many eventfds are in use in this kernel, by any user: descriptors of processes, and those that a device holds after
 * the last descriptor was closed, which nothing lists. Each eventfd has the lowest id that was free, so what a batch of
 * ours had to skip is in use.
 */
export function eventsInUse(): number {
  const ours: number[] = [];
  try {
    for (let n = 0; n < batch; n++) ours.push(eventfdCreate());
    return Math.max(...ours.map(idOf)) + 1 - batch;
  } finally {
    for (const descriptor of ours) closeFd(descriptor);
  }
}

function idOf(descriptor: number): number {
  const id = /^eventfd-id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
  return Number(id ?? 0);
}
