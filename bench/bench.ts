import { IutProcess } from '../drivers/iut-process/iut-process.ts';
import { SocketCarrier } from '../drivers/vhost-user/socket-channel.ts';
import { VhostUserPort } from '../drivers/vhost-user/vhost-user-port.ts';
import { qemuStorageDaemon } from '../fixtures/targets/qemu-storage-daemon.ts';
import { buildFrontEnd, type Mode, runFrontEnd } from './c-front-end.ts';
import { runOurs } from './our-front-end.ts';

const pairs = 9;
const warmUpPairs = 5;

interface Measure {
  readonly mode: Mode;
  /** Operations in each half of a pair: about a tenth of a second. */
  readonly count: number;
  /** Of the C program's rate. */
  readonly target: number;
}

const measures: Readonly<Record<string, Measure>> = {
  'message-round-trips': { mode: 'features', count: 4000, target: 0.7 },
  'ring-round-trips': { mode: 'ring', count: 6000, target: 0.5 },
  sessions: { mode: 'session', count: 100, target: 0.5 },
};

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

function measure(iut: IutProcess, port: VhostUserPort, program: string, { mode, count }: Measure): Result {
  const ours: number[] = [];
  const c: number[] = [];
  // Compiled code is what is compared.
  runOurs(port, mode, count * warmUpPairs);
  for (let pair = 0; pair < pairs; pair++) {
    const our = perSecond(runOurs(port, mode, count));
    const their = perSecond(runFrontEnd(program, mode, iut.socketPath, count));
    ours.push(our);
    c.push(their);
  }
  const ratios = ours.map((rate, pair) => rate / (c[pair] ?? Number.NaN));
  return { ours: Math.round(median(ours)), c: Math.round(median(c)), ratio: Number(median(ratios).toFixed(3)) };
}

function main(wantsJson: boolean): void {
  const program = buildFrontEnd();
  const iut = new IutProcess(qemuStorageDaemon);
  const results: Record<string, Result> = {};
  try {
    iut.start();
    const port = new VhostUserPort({
      facts: { ...qemuStorageDaemon.facts, version: 'not asked' },
      carrier: new SocketCarrier(iut.socketPath),
      iut,
    });
    for (const [name, what] of Object.entries(measures)) {
      const result = measure(iut, port, program, what);
      results[name] = result;
      if (wantsJson) continue;
      const { ours, c, ratio } = result;
      const verdict = ratio >= what.target ? 'as it should be' : 'TOO SLOW';
      console.log(`${name}: ours ${ours}/s, C ${c}/s, ratio ${ratio} (at least ${what.target}): ${verdict}`);
    }
  } finally {
    iut.close();
  }
  if (wantsJson) console.log(JSON.stringify(results));
}

main(process.argv.includes('--json'));
