import { UsageError } from '../../usage-error.ts';

/** Where a queue is. */
export interface QueuePlace {
  /** As it is shown: without a password. */
  readonly text: string;
  readonly options: {
    readonly path?: string;
    readonly host?: string;
    readonly port?: number;
    readonly db?: number;
    readonly username?: string;
    readonly password?: string;
    readonly tls?: Record<string, never>;
  };
}

const usualPort = 6379;
/** The password of a Redis, which other users of this machine can read on a command line. */
const passwordVariable = 'VHOST_CONFORMANCE_QUEUE_PASSWORD';
/** This machine: whoever can write to a Redis decides what workers run on their target. */
const loopback = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

/**
 * `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, `rediss:` with TLS, or `unix:PATH`.
 * @throws UsageError with one line.
 */
export function queuePlaceOf(given: string, isRemoteAllowed: boolean): QueuePlace {
  const secret = process.env[passwordVariable];
  const path = /^unix:(.+)$/.exec(given)?.[1];
  if (path !== undefined)
    return { text: given, options: { path, ...(secret === undefined ? {} : { password: secret }) } };
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    // Without its words: a password may be among them.
    throw new UsageError('--queue: say redis://HOST:PORT, rediss://HOST:PORT or unix:PATH');
  }
  const { protocol, hostname, port, pathname } = url;
  const username = decoded(url.username);
  const password = decoded(url.password);
  const text = `${protocol}//${hostname}:${port === '' ? usualPort : port}${pathname === '/' ? '' : pathname}`;
  if (!isRemoteAllowed && !loopback.test(hostname)) {
    throw new UsageError(
      `--queue ${text}: is another machine, and all who can write to its Redis decide what is run here; --allow-remote-queue permits it`,
    );
  }
  const database = /^\/?(\d{0,4})$/.exec(pathname)?.[1];
  if (database === undefined) throw new UsageError(`--queue ${text}: behind the port stands the number of a database`);
  return {
    text,
    options: {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? usualPort : Number(port),
      db: Number(database),
      ...(username === '' ? {} : { username }),
      ...(password !== '' ? { password } : secret === undefined ? {} : { password: secret }),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    },
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageError('--queue: a % in its user or password stands before two hexadecimal digits');
  }
}
