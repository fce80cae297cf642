import { IutProcess } from '../drivers/iut-process/iut-process.ts';
import { SocketCarrier } from '../drivers/vhost-user/socket-channel.ts';
import { VhostUserPort } from '../drivers/vhost-user/vhost-user-port.ts';
import { qemuStorageDaemon } from '../fixtures/targets/qemu-storage-daemon.ts';
import { runBothSides } from './both-sides.ts';
import { buildProgram, runProgram } from './c-programs.ts';
import { runOurs } from './our-front-end.ts';

const pairs = 9;
const warmUpPairs = 5;

/** One kind of operation, done by us and by a C program under the same conditions: nanoseconds for each. */
interface Measure {
  /** Operations in each half of a pair: about a tenth of a second. */
  readonly count: number;
  /** Of the C program's rate. */
  readonly target: number;
  ours(count: number): number;
  c(count: number): number;
}

/** Rates in operations per second, and ours divided by the C program's: each the median of all pairs. */
export interface Result {
  readonly ours: number;
  readonly c: number;
  readonly ratio: number;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

const perSecond = (nanoseconds: number): number => 1e9 / nanoseconds;

function measured({ count, ours, c }: Measure): Result {
  const ourRates: number[] = [];
  const cRates: number[] = [];
  // Compiled code is what is compared.
  ours(count * warmUpPairs);
  for (let pair = 0; pair < pairs; pair++) {
    ourRates.push(perSecond(ours(count)));
    cRates.push(perSecond(c(count)));
  }
  const ratios = ourRates.map((rate, pair) => rate / (cRates[pair] ?? Number.NaN));
  return {
    ours: Math.round(median(ourRates)),
    c: Math.round(median(cRates)),
    ratio: Number(median(ratios).toFixed(3)),
  };
}

/** Both front-ends against the storage daemon, one after the other on the process that is there. */
function withStorageDaemon(iut: IutProcess): Record<string, Measure> {
  const program = buildProgram('front-end');
  const port = new VhostUserPort({
    facts: { ...qemuStorageDaemon.facts, version: 'not asked' },
    carrier: new SocketCarrier(iut.socketPath),
    iut,
  });
  const measure = (mode: 'features' | 'ring' | 'session', count: number, target: number): Measure => ({
    count,
    target,
    ours: (operations) => runOurs(port, mode, operations),
    c: (operations) => runProgram(program, [mode, iut.socketPath, `${operations}`]),
  });
  return {
    'message-round-trips': measure('features', 4000, 0.85),
    'ring-round-trips': measure('ring', 6000, 0.75),
    sessions: measure('session', 100, 0.7),
  };
}

/** Both sides of a ring in one process and one memory: descriptors, three to a chain. */
function inProcess(): Record<string, Measure> {
  const program = buildProgram('both-sides');
  const measure = (layout: 'split' | 'packed'): Measure => ({
    count: 500_000,
    target: 0.1,
    ours: (descriptors) => runBothSides(layout, descriptors),
    c: (descriptors) => runProgram(program, [layout, `${descriptors}`]),
  });
  return { 'split-ring-in-process': measure('split'), 'packed-ring-in-process': measure('packed') };
}

function main(wantsJson: boolean): void {
  const iut = new IutProcess(qemuStorageDaemon);
  const results: Record<string, Result> = {};
  try {
    iut.start();
    for (const [name, measure] of Object.entries({ ...withStorageDaemon(iut), ...inProcess() })) {
      const result = measured(measure);
      results[name] = result;
      if (wantsJson) continue;
      const { ours, c, ratio } = result;
      const verdict = ratio >= measure.target ? 'as it should be' : 'TOO SLOW';
      console.log(`${name}: ours ${ours}/s, C ${c}/s, ratio ${ratio} (at least ${measure.target}): ${verdict}`);
    }
  } finally {
    iut.close();
  }
  if (wantsJson) console.log(JSON.stringify(results));
}

main(process.argv.includes('--json'));
