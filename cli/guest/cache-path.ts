import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$XDG_CACHE_HOME/vhost-conformance/kernel-guest`, or the same below `~/.cache`. */
export function defaultCachePath(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return join(
    base !== undefined && base !== '' ? base : join(homedir(), '.cache'),
    'vhost-conformance',
    'kernel-guest',
  );
}
