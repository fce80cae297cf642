import type { DeviceCall, DeviceCalls, DriverPort, Iut } from '../drivers/port/port.ts';
import { isServing } from './liveness.ts';

/** What the calls to a device show that must not be. */
export interface LifeProblem {
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

/** Calls that enter the log behind a case. */
const mostShown = 256;

const nameOf = ({ device, connection }: DeviceCall): string => `${device} for connection ${connection}`;

/** Which configurations of a device are open: each begins with a dev_conf that succeeds, and ends with one dev_close. */
export class DeviceLife {
  readonly #open = new Map<string, DeviceCall>();
  #process = 0;

  /** What is wrong with the calls, in order. */
  follow({ process, calls }: DeviceCalls): LifeProblem[] {
    const problems = calls.flatMap((call) => this.#problemAt(call) ?? []);
    this.#in(process);
    return problems;
  }

  get isClosed(): boolean {
    return this.#open.size === 0;
  }

  /** What is still open, told once. */
  takeOpen(): LifeProblem[] {
    const problems = [...this.#open.values()].map((call) => ({
      what: `${nameOf(call)}, once its connection ended`,
      expected: 'one dev_close for each dev_conf',
      actual: 'no dev_close',
    }));
    this.#open.clear();
    return problems;
  }

  /** What a process had open ended with it. */
  #in(process: number): void {
    if (process !== this.#process) this.#open.clear();
    this.#process = process;
  }

  #problemAt(call: DeviceCall): LifeProblem | undefined {
    this.#in(call.process);
    const name = nameOf(call);
    const expected = 'one dev_close for each dev_conf';
    if (call.call === 'dev_conf') {
      if (call.result !== '0') return undefined;
      const isSecond = this.#open.has(name);
      this.#open.set(name, call);
      return isSecond ? { what: name, expected, actual: 'a second dev_conf before a dev_close' } : undefined;
    }
    if (call.call !== 'dev_close' || this.#open.delete(name)) return undefined;
    return { what: name, expected, actual: 'a dev_close without a dev_conf' };
  }
}

const lives = new WeakMap<Iut, DeviceLife>();

/**
 * What the device of an IUT was told since the last time: it enters the event log, and what is wrong with it is
 * answered. All sessions must be closed. Nothing where the IUT writes no log of its device.
 */
export function deviceLifeProblems(port: DriverPort): LifeProblem[] {
  const { iut, log } = port;
  if (iut.takeDeviceCalls === undefined) return [];
  const life = lives.get(iut) ?? new DeviceLife();
  lives.set(iut, life);
  const followed = (): LifeProblem[] => {
    const taken = iut.takeDeviceCalls?.() ?? { process: 0, calls: [] };
    for (const { timeUs, device, connection, text, result } of taken.calls.slice(0, mostShown)) {
      log.note(
        `device ${device}, connection ${connection}, at ${Math.round(log.timeOf(timeUs))} us: ${text} -> ${result}`,
      );
    }
    const more = taken.calls.length - mostShown;
    if (more > 0) log.note(`${more} more calls of devices`);
    return life.follow(taken);
  };
  const problems = followed();
  // A back-end takes the end of a connection before what a later one asks.
  for (let round = 0; round < 2 && !life.isClosed && isServing(port); round++) problems.push(...followed());
  // With a process, all that was open has ended.
  return iut.isAlive() ? [...problems, ...life.takeOpen()] : problems;
}

/** Forgets what the device of an IUT was told before a case. */
export function skipDeviceCalls({ iut }: DriverPort): void {
  const calls = iut.takeDeviceCalls?.();
  if (calls !== undefined) lives.get(iut)?.follow(calls);
}
