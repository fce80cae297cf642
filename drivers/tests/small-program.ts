import { IutProcess, type IutProcessOptions } from '../iut-process/iut-process.ts';
import type { StartCommand, Target } from '../target.ts';

/** A target whose program is not what it says: only its process matters. */
export const target = (
  start: Omit<StartCommand, 'readyWithinMs'> & { readonly readyWithinMs?: number },
): Target<'unix-socket'> => ({
  facts: {
    name: 'small-program',
    transport: 'vhost-user',
    device: 'block',
    identity: 'a small program',
    workload: { kind: 'block', queueIndex: 0, companions: [], sectors: 1 },
    capabilities: [],
    ownedBy: {},
    requiredFeatures: [],
    deadlineScale: 1,
  },
  start: { readyWithinMs: 5000, ...start },
  reach: { via: 'unix-socket', socket: 's.sock' },
  packages: ['small-package', 'other-package'],
  recovery: ['restart'],
});

export const listening = `require('node:net').createServer().listen(process.argv[1]);`;
/** A program that listens, and what it does beside. */
export const listener = (script = '', more: Partial<StartCommand> = {}): Target<'unix-socket'> =>
  target({ command: process.execPath, arguments: ['-e', `${listening}${script}`, '{socket}'], ...more });

/** The process of a target, not started, gone when the test ends. */
export const open = (
  test: { teardown(handler: () => void): void },
  of: Target<'unix-socket'>,
  options?: IutProcessOptions,
): IutProcess => {
  const iut = new IutProcess(of, options);
  test.teardown(() => iut.close());
  return iut;
};
