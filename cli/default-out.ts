import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

/**
 * `vhost-conformance-out/2026-11-22T14-30-05-1234-9f3a` below the current directory: process id and a random number, as
 * processes of two containers may have one id.
 */
export function defaultOut(): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  return join('vhost-conformance-out', `${time}-${process.pid}-${randomBytes(2).toString('hex')}`);
}
