import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { MdevSysfs } from '../vfio/mdev-sysfs.ts';

/** Begins the UUIDs of devices that we create. Their last part is the process that did, in hexadecimal. */
const ours = '76686d64';

/** A fresh UUID of ours, version 4 as to its form. */
export function ownUuid(pid: number = process.pid): string {
  const random = randomBytes(4).toString('hex');
  const tail = pid.toString(16).padStart(12, '0');
  return `${ours}-${random.slice(0, 4)}-4${random.slice(4, 7)}-8${random.slice(7)}${'00'}-${tail}`;
}

/** Removes our devices whose process is gone: a killed run leaves them behind. Returns how many there were. */
export function removeLeftBehind(sysfs: MdevSysfs): number {
  const left = sysfs.uuids().filter((uuid) => {
    const [first, , , , last = ''] = uuid.split('-');
    return first === ours && !existsSync(`/proc/${Number.parseInt(last, 16)}`);
  });
  for (const uuid of left) sysfs.remove(uuid);
  return left.length;
}
