import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { SystemCallError } from '../../drivers/errors.ts';
import { checkSocketPath } from '../../drivers/iut-process/iut-directory.ts';
import { monotonicUs, surviveBusErrors } from '../../drivers/native/native.ts';
import { allSources } from '../../reference-impl/catalogue/catalogue.ts';
import { referenceDevices } from '../../reference-impl/devices/reference-devices.ts';
import { observedRequirements } from '../../reference-impl/oracle/observed/observed-requirements.ts';
import { TraceWriter } from '../../reports/trace/trace-file.ts';
import { type ExpectationRules, readExpectations } from '../../suites/runner/expectations.ts';
import { snapshotForObserved } from '../catalogue-facts.ts';
import { defaultOut } from '../default-out.ts';
import { Interruption } from '../interruption.ts';
import { reportWriter } from '../reporters.ts';
import { checkOut } from '../run-request.ts';
import { RunStore } from '../run-store.ts';
import { shellLine } from '../shell-words.ts';
import { complain, print } from '../terminal.ts';
import { textsOf } from '../text-option.ts';
import { UsageError } from '../usage-error.ts';
import { type ObserveOptions, observedSectors } from './observe-options.ts';
import { caseRecordsOf, plannedOf, targetRecordOf } from './observed-records.ts';
import { ObservedSocket } from './observed-socket.ts';
import { observedSummary } from './observed-summary.ts';

/** Signals are only seen between runs of turns as long as this. */
const yieldAfterUs = 20_000;
/** How long one socket may wait while others are served as well. */
const sharedWaitUs = 500;

interface Listening {
  readonly name: string;
  readonly path: string;
}

/** `NAME=PATH`, or a path that is named for its last part. */
function listeningAt(word: string): Listening {
  const [, name, path] = /^([A-Za-z0-9_.-]+)=(.+)$/.exec(word) ?? [];
  if (name !== undefined && path !== undefined) return { name, path: resolve(path) };
  return { name: basename(word).replace(/\.(sock|socket)$/, ''), path: resolve(word) };
}

/** @throws UsageError where two sockets have one name or one place. */
function listeningsOf(words: readonly string[]): Listening[] {
  const all = words.map(listeningAt);
  for (const key of ['name', 'path'] as const) {
    const twice = all.find((one, place) => all.findIndex((other) => other[key] === one[key]) !== place);
    if (twice !== undefined) throw new UsageError(`--listen: ${twice[key]} is there twice`);
  }
  for (const { path } of all) {
    checkSocketPath(path);
    if (existsSync(path)) throw new UsageError(`--listen ${path}: exists already`);
  }
  return all;
}

/** By the name of a network device, that of the one at the other end of its wire. @throws UsageError */
function wiresOf({ wire, device }: ObserveOptions, names: readonly string[]): ReadonlyMap<string, string> {
  const wires = new Map<string, string>();
  for (const word of wire) {
    const [a = '', b = '', ...more] = word.split('=');
    if (device !== 'net') throw new UsageError('--wire: is for network devices');
    const isWire = more.length === 0 && a !== b && [a, b].every((name) => names.includes(name) && !wires.has(name));
    if (!isWire) throw new UsageError(`--wire ${word}: names two sockets of --listen, each in one wire`);
    wires.set(a, b).set(b, a);
  }
  return wires;
}

function openSockets(listenings: readonly Listening[], options: ObserveOptions): ObservedSocket[] {
  const opened: ObservedSocket[] = [];
  const wires = wiresOf(
    options,
    listenings.map(({ name }) => name),
  );
  try {
    for (const { name, path } of listenings) {
      const peer = wires.get(name);
      const sent = (frame: Uint8Array): void => opened.find((other) => other.name === peer)?.deliver(frame);
      opened.push(
        new ObservedSocket({
          ...(peer === undefined ? {} : { sent }),
          name,
          path,
          device: options.device,
          queues: options.queues ?? referenceDevices[options.device].queues,
          sectors: options.sectors ?? observedSectors,
          say: complain,
        }),
      );
      complain(`${name}: the reference serves a ${options.device} device at ${path}`);
    }
    return opened;
  } catch (error) {
    for (const socket of opened) socket.close();
    if (!(error instanceof SystemCallError)) throw error;
    throw new UsageError(`--listen: ${error.message}`);
  }
}

/** Serves until all connections ended, the time is over, or a signal came. */
async function serve(sockets: readonly ObservedSocket[], { connections, time }: ObserveOptions): Promise<void> {
  let isInterrupted = false;
  const interruption = new Interruption(() => {
    isInterrupted = true;
  });
  const end = time === undefined ? Number.POSITIVE_INFINITY : monotonicUs() + time * 1_000_000;
  const open = (): ObservedSocket[] => sockets.filter(({ connectionsEnded }) => connectionsEnded < connections);
  const waitUs = sockets.length === 1 ? yieldAfterUs : sharedWaitUs;
  for (let left = open(); left.length > 0 && !isInterrupted && monotonicUs() < end; left = open()) {
    const until = monotonicUs() + yieldAfterUs;
    while (monotonicUs() < until)
      for (const socket of left) if (socket.connectionsEnded < connections) socket.turn(waitUs);
    await new Promise(setImmediate);
  }
  interruption.stopListening();
}

/** Serves the reference, judges the front-ends that connect, and reports. @throws UsageError, RecordError */
export async function observeFrontEnds(options: ObserveOptions): Promise<number> {
  const { device } = options;
  const texts = textsOf(options.text, allSources());
  const expectations = options.expect.flatMap(readExpectations);
  const root = checkOut(options.out ?? defaultOut());
  surviveBusErrors();
  const sockets = openSockets(listeningsOf(options.listen), options);
  try {
    await serve(sockets, options);
  } finally {
    for (const socket of sockets) socket.close();
  }
  const silent = sockets.filter(({ connectionsBegun }) => connectionsBegun === 0);
  if (silent.length === sockets.length) throw new UsageError('no front-end connected: there is nothing to report');
  for (const { name } of silent) complain(`${name}: no front-end connected`);
  const rules: ExpectationRules = {
    expectations,
    today: new Date().toISOString().slice(0, 10),
    strictTargets: [],
    texts,
  };
  const words = wordsOf(options);
  const plan = sockets.flatMap(({ name }) => plannedOf(name, device));
  const facts = { seed: 0, shard: { index: 1, of: 1 }, plan, owed: plan, texts, command: words };
  const store = RunStore.create(root, facts, snapshotForObserved(observedRequirements(device)));
  const context = { device, texts, rerun: shellLine(['npx', ...words]), traces: new TraceWriter(root) };
  for (const socket of sockets) {
    store.append(targetRecordOf(socket, device));
    for (const record of caseRecordsOf(socket, context)) store.append(record);
  }
  store.end('completed');
  store.close();
  const paths = (await reportWriter(options.reporter))([root], root);
  const { text, exitCode } = observedSummary(store.results(), rules, paths);
  print(text);
  return exitCode;
}

function wordsOf({ listen, device, queues, sectors, wire, connections, time, text }: ObserveOptions): string[] {
  return [
    'vhost-conformance',
    'observe',
    ...listen.flatMap((word) => ['--listen', word]),
    '--device',
    device,
    ...(queues === undefined ? [] : ['--queues', String(queues)]),
    ...(sectors === undefined || sectors === observedSectors ? [] : ['--sectors', String(sectors)]),
    ...wire.flatMap((word) => ['--wire', word]),
    ...(connections === 1 ? [] : ['--connections', String(connections)]),
    ...(time === undefined ? [] : ['--time', String(time)]),
    ...text.flatMap((word) => ['--text', word]),
  ];
}
