import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { initramfs } from '../guest/initramfs.ts';
import type { KernelFiles } from '../guest/kernel-files.ts';

const init = new URL('../../../fixtures/front-ends/guest-init.sh', import.meta.url);

/** The initramfs of a guest that uses what is observed: busybox, the drivers, and guest-init.sh. */
export function guestImage({ busybox, moreModules }: KernelFiles): Buffer {
  const names = moreModules.map((path) => basename(path));
  return initramfs([
    { path: 'bin' },
    { path: 'modules' },
    { path: 'bin/busybox', content: readFileSync(busybox), isExecutable: true },
    { path: 'modules/order', content: Buffer.from(names.map((name) => `${name}\n`).join('')) },
    ...moreModules.map((path, place) => ({ path: `modules/${names[place]}`, content: readFileSync(path) })),
    { path: 'init', content: readFileSync(init), isExecutable: true },
  ]);
}
