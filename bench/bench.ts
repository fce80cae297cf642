import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IutProcess } from '../drivers/iut-process/iut-process.ts';
import type { Target } from '../drivers/target.ts';
import { SocketCarrier } from '../drivers/vhost-user/socket-channel.ts';
import { VhostUserPort } from '../drivers/vhost-user/vhost-user-port.ts';
import { dpdkTestpmd } from '../fixtures/targets/dpdk-testpmd.ts';
import { qemuStorageDaemon } from '../fixtures/targets/qemu-storage-daemon.ts';
import { runBothSides } from './both-sides.ts';
import { buildProgram, runProgram } from './c-programs.ts';
import { campaignRate } from './fuzz-campaign.ts';
import { FuzzSessions, UnsteadyProgram } from './fuzz-sessions.ts';
import { type Mode, runOurs } from './our-front-end.ts';

const pairs = 9;

/** One kind of operation, done by us and by a C program under the same conditions: nanoseconds for each. */
interface Measure {
  /** Operations in each half of a pair: about a tenth of a second. */
  readonly count: number;
  /** Operations of ours ahead of all pairs, until what they run is compiled. */
  readonly warmUp: number;
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

/** What `work` gives once no program of fuzzing has to be left out in the middle of it. */
function untilSteady<Answer>(work: () => Answer): Answer {
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof UnsteadyProgram)) throw error;
      if (!wantsJson) console.log(`left out: ${error.message}`);
    }
  }
}

function measured({ count, warmUp, ours, c }: Measure): Result {
  const ourRates: number[] = [];
  const cRates: number[] = [];
  untilSteady(() => ours(warmUp));
  for (let pair = 0; pair < pairs; pair++) {
    const [ourTime, cTime] = untilSteady(() => [ours(count), c(count)] as const);
    ourRates.push(perSecond(ourTime));
    cRates.push(perSecond(cTime));
  }
  const ratios = ourRates.map((rate, pair) => rate / (cRates[pair] ?? Number.NaN));
  return {
    ours: Math.round(median(ourRates)),
    c: Math.round(median(cRates)),
    ratio: Number(median(ratios).toFixed(3)),
  };
}

interface FrontEndMeasure {
  readonly mode: Mode;
  readonly count: number;
  readonly warmUp: number;
  readonly target: number;
}

/** As the first contact of a run does: a port that has not learned it looks for the listening socket at each connection. */
function learnReconnection(port: VhostUserPort): void {
  const opened = port.connect();
  if (opened.kind === 'refused') throw new Error(opened.why);
  opened.session.fence();
  opened.session.close();
  port.learnReconnection();
}

/** A back-end that was started, our port to it, and the path for a program in C. */
function withBackEnd<Answer>(
  target: Target<'unix-socket'>,
  work: (port: VhostUserPort, socketPath: string) => Answer,
): Answer {
  const iut = new IutProcess(target);
  try {
    iut.start();
    const { socketPath } = iut;
    const facts = { ...target.facts, version: 'not asked' };
    const { recovery } = target;
    return work(new VhostUserPort({ facts, carrier: new SocketCarrier(socketPath), iut, recovery }), socketPath);
  } finally {
    iut.close();
  }
}

/** Both front-ends against one back-end, one after the other on the process that is there. */
function frontEnds(
  target: Target<'unix-socket'>,
  measures: Readonly<Record<string, FrontEndMeasure>>,
): Record<string, Result> {
  const program = buildProgram('front-end');
  return withBackEnd(target, (port, socketPath) => {
    learnReconnection(port);
    return all(
      Object.entries(measures).map(([name, { mode, ...rest }]) => [
        name,
        {
          ...rest,
          ours: (operations) => runOurs(port, mode, operations),
          c: (operations) => runProgram(program, [mode, socketPath, `${operations}`]),
        },
      ]),
    );
  });
}

/** Programs of fuzzing, each with its liveness, and the same bytes from C. */
function fuzzing(target: Target<'unix-socket'>): Record<string, Result> {
  const directory = mkdtempSync(join(tmpdir(), 'vc-bench-'));
  try {
    return withBackEnd(target, (port, socketPath) => {
      const sessions = new FuzzSessions(port, socketPath, directory);
      const ours = (times: number): number => sessions.run(times);
      const c = (times: number): number => sessions.runInC(times);
      untilSteady(() => sessions.settle());
      const results = all([['fuzz-sessions', { count: 2, warmUp: 10, target: 0.6, ours, c }]]);
      const { kept, leftOut } = sessions.counts;
      if (!wantsJson) console.log(`fuzz-sessions: ${kept} programs; ${leftOut} did not do the same each time`);
      return { ...results, ...hostile(target, directory, results['fuzz-sessions']?.c ?? Number.NaN) };
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A campaign may have half of the rate that programs have which the back-end survives. */
const hostileShare = 0.3;

/** A campaign on a process of its own, without what restarts take, beside the rate of the C program. */
function hostile(target: Target<'unix-socket'>, directory: string, c: number): Record<string, Result> {
  return withBackEnd(target, (port) => {
    const { sessions, restarts, restartMs, elapsedMs } = campaignRate(port, directory, campaignSeconds);
    const ours = Math.round((1000 * sessions) / (elapsedMs - restartMs));
    const ratio = Number((ours / c).toFixed(3));
    if (!wantsJson) {
      const seconds = (ms: number): string => (ms / 1000).toFixed(1);
      console.log(
        `fuzz-campaign: ours ${ours}/s, C ${c}/s, ratio ${ratio} (at least ${hostileShare}): ` +
          `${ratio >= hostileShare ? 'as it should be' : 'TOO SLOW'}; ${sessions} programs in ${seconds(elapsedMs)} s, ` +
          `of which ${restarts} restarts took ${seconds(restartMs)} s`,
      );
    }
    return { 'fuzz-campaign': { ours, c, ratio } };
  });
}

/** Both sides of a ring in one process and one memory: descriptors, three to a chain. */
function inProcess(): Record<string, Result> {
  const program = buildProgram('both-sides');
  const measure = (layout: 'split' | 'packed'): Measure => ({
    count: 500_000,
    warmUp: 2_500_000,
    target: 0.1,
    ours: (descriptors) => runBothSides(layout, descriptors),
    c: (descriptors) => runProgram(program, [layout, `${descriptors}`]),
  });
  return all([
    ['split-ring-in-process', measure('split')],
    ['packed-ring-in-process', measure('packed')],
  ]);
}

const wantsJson = process.argv.includes('--json');
/** `--campaign S`: so many seconds for the campaign of `--fuzz`. */
const campaignSeconds = process.argv.includes('--campaign')
  ? Number(process.argv[process.argv.indexOf('--campaign') + 1])
  : 60;

function all(measures: readonly (readonly [string, Measure])[]): Record<string, Result> {
  return Object.fromEntries(
    measures.map(([name, measure]) => {
      const result = measured(measure);
      const { ours, c, ratio } = result;
      const verdict = ratio >= measure.target ? 'as it should be' : 'TOO SLOW';
      if (!wantsJson) {
        console.log(`${name}: ours ${ours}/s, C ${c}/s, ratio ${ratio} (at least ${measure.target}): ${verdict}`);
      }
      return [name, result];
    }),
  );
}

/** Choosing programs takes minutes, so this is measured where it is asked for alone. */
const results: Record<string, Result> = process.argv.includes('--fuzz')
  ? fuzzing(qemuStorageDaemon)
  : {
      // First, while the compiler has seen no other use of the rings.
      ...inProcess(),
      ...frontEnds(qemuStorageDaemon, {
        'message-round-trips': { mode: 'features', count: 4000, warmUp: 20_000, target: 0.85 },
        'ring-round-trips': { mode: 'ring', count: 6000, warmUp: 30_000, target: 0.75 },
        sessions: { mode: 'session', count: 100, warmUp: 5000, target: 0.7 },
      }),
      // The storage daemon has no packed rings. This back-end polls: both front-ends share the cores with it in the same way.
      ...frontEnds(dpdkTestpmd, {
        'packed-ring-round-trips': { mode: 'packed', count: 6000, warmUp: 30_000, target: 0.7 },
      }),
    };
if (wantsJson) console.log(JSON.stringify(results));
