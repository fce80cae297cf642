import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$XDG_CACHE_HOME/vhost-conformance/NAME`, or the same below `~/.cache`. */
export function defaultCachePath(name: 'kernel-guest' | 'native-targets' = 'kernel-guest'): string {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'vhost-conformance', name);
}
