import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Test } from 'tap';
import { findCommand } from '../../drivers/iut-process/target-version.ts';
import { until } from './command-line.ts';

/** Why there is no Redis to test with; false where there is one. */
export const noRedis = findCommand('redis-server') === undefined ? 'redis-server is not installed' : false;

/** A Redis of one test: on a socket in a directory of its own, with a file to which it appends what it is told. */
export class OwnRedis {
  readonly socket: string;
  readonly url: string;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
    this.socket = join(directory, 'redis.sock');
    this.url = `unix:${this.socket}`;
  }

  static async start(t: Test, directory: string): Promise<OwnRedis> {
    mkdirSync(directory);
    const redis = new OwnRedis(directory);
    t.teardown(() => redis.kill());
    await redis.serve();
    return redis;
  }

  async serve(): Promise<void> {
    rmSync(this.socket, { force: true });
    this.#process = spawn(
      'setpriv',
      [
        // It ends with this process, however that ends.
        ...['--pdeathsig', 'KILL', 'redis-server'],
        ...['--port', '0', '--unixsocket', this.socket, '--dir', this.#directory],
        ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
      ],
      { stdio: 'ignore' },
    );
    await until(() => existsSync(this.socket), 'Redis listens');
  }

  /** By its pid, with SIGKILL. */
  async kill(): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await ended;
  }

  client(): Redis {
    return new Redis({ path: this.socket, maxRetriesPerRequest: null });
  }
}
