import { readFileSync, unlinkSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isNetPeer, netPeerNames, netPeers } from '../../reference-impl/devices/net-peers.ts';
import { isReferenceDevice, referenceDeviceNames } from '../../reference-impl/devices/reference-devices.ts';
import type { Breakdown } from '../../reference-impl/vhost-user/back-end-edge.ts';
import type { ProgramRules } from '../../reference-impl/vhost-user/program-rules.ts';
import { type ReferenceRules, referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import type { StreamRules } from '../../reference-impl/vhost-user/stream-rules.ts';
import { SystemCallError } from '../errors.ts';
import { isListeningSocket } from '../iut-process/listening-sockets.ts';
import { closeFd, monotonicUs, setNonblocking, unixListen } from '../native/native.ts';
import { didYouMean } from '../near-matches.ts';
import { endWithSocket, isLeftBehind, leaveAnother, printCapabilities } from './program-socket.ts';
import { ReferenceBackEnd } from './reference-back-end.ts';

const usage = `usage: serve.js --socket-path PATH --device ${referenceDeviceNames.join('|')} [--queues N] [--fault NAME]...
  [--fd DESCRIPTOR] [--print-capabilities] [--connections many|one|anew] [--frames ${netPeerNames.join('|')}] [--exit-at-errors]`;
/** How many connections a process takes: all on one socket, one alone, or each on a socket that is bound anew. */
const connectionKinds = ['many', 'one', 'anew'] as const;
/** Signals of the process are only seen between waits, and between runs of turns as long as this. */
const waitUs = 20_000;
const yieldAfterUs = 20_000;

const anewAfterMs = 15;

function refuse(why: string): never {
  process.stderr.write(`${why}\n${usage}\n`);
  process.exit(2);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        socket: { type: 'string' },
        'socket-path': { type: 'string' },
        fd: { type: 'string' },
        'ends-with-socket': { type: 'boolean', default: false },
        device: { type: 'string' },
        queues: { type: 'string', default: '1' },
        fault: { type: 'string', multiple: true, default: [] },
        connections: { type: 'string', default: 'many' },
        frames: { type: 'string', default: 'loopback' },
        'exit-at-errors': { type: 'boolean', default: false },
        version: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/** Of the package that this file is a part of, three folders up from dist/drivers/reference. */
function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const isNamed = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return isNamed ? String(manifest.version) : 'unknown';
}

/** What really happens to a process: nothing of this can be caught. */
function breakDown(how: Breakdown): void {
  switch (how) {
    case 'abort':
      process.abort();
      break;
    case 'bus-error':
      process.kill(process.pid, 'SIGBUS');
      break;
    case 'exit':
      process.stderr.write('a request was refused\n');
      process.exit(1);
      break;
    case 'hang':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
}

function listenAt(socket: string, statusAtFailure: number): number {
  try {
    return unixListen(socket);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return process.exit(statusAtFailure);
  }
}

/** The socket that is named or handed over. */
function socketOf({ socket, 'socket-path': path, fd }: ReturnType<typeof readArguments>, rules: ProgramRules) {
  const named = path ?? socket;
  if (named !== undefined && fd !== undefined) refuse('a socket is given by a path or by --fd');
  if (named !== undefined) return { path: rules.boundPath(named) };
  const descriptor = Number(fd);
  if (fd === undefined || !rules.takesDescriptor || !Number.isInteger(descriptor)) return refuse('a socket is needed');
  return { descriptor };
}

/** The rules with these faults, which are loaded only where one is asked for: a reference starts often. */
async function rulesWith(faultWords: readonly string[]): Promise<ReferenceRules> {
  if (faultWords.length === 0) return referenceRules;
  const { faultNames, faults, isFaultName, layerText, withFaults } = await import(
    '../../reference-impl/faults/faults.ts'
  );
  const unknown = faultWords.find((name) => !isFaultName(name));
  if (unknown !== undefined) refuse(`no fault is called ${unknown}${didYouMean(unknown, faultNames)}`);
  const names = faultWords.filter(isFaultName);
  const elsewhere = names.find((name) => layerText(faults[name]) === 'transport vhost-mdev');
  if (elsewhere !== undefined) refuse(`${elsewhere} is a fault of vhost-mdev`);
  return withFaults(referenceRules, names);
}

const faultsIn = (words: readonly string[]): string[] => words.filter((_, at) => words[at - 1] === '--fault');

const exitingAtErrors: Partial<StreamRules> = {
  breakdownBehind: (handled) => (handled === 'refused' || handled === 'close-connection' ? 'exit' : undefined),
};

async function main(): Promise<void> {
  if (process.argv.includes('--print-capabilities')) {
    printCapabilities(process.argv, (await rulesWith(faultsIn(process.argv))).program);
  }
  const values = readArguments();
  const { device, queues, fault, version, connections, frames, 'exit-at-errors': exits } = values;
  if (version) {
    process.stdout.write(`version ${packageVersion()}\n`);
    return;
  }
  if (device === undefined || !isReferenceDevice(device)) refuse('--device is needed');
  const count = Number(queues);
  if (!Number.isInteger(count) || count < 1 || count > 64) refuse('--queues is a number from 1 to 64');
  if (!connectionKinds.some((kind) => kind === connections)) refuse(`--connections is ${connectionKinds.join(' or ')}`);
  if (!isNetPeer(frames)) refuse(`--frames is ${netPeerNames.join(' or ')}`);
  const { stream, net, ...rest } = await rulesWith(fault);
  const rules = { ...rest, net: netPeers[frames](net), stream: exits ? { ...stream, ...exitingAtErrors } : stream };
  const backEnd = new ReferenceBackEnd({ device, rules, queues: count, breakDown });
  const given = socketOf(values, rules.program);
  const isAlone = given.descriptor !== undefined && !isListeningSocket(given.descriptor);
  let listener = given.path === undefined ? given.descriptor : -1;
  const bind = (): void => {
    if (given.path === undefined) return;
    if (!rules.program.staysInForeground && !isLeftBehind()) leaveAnother(given.path);
    listener = listenAt(given.path, rules.program.statusAtFailure);
    if (isLeftBehind()) endWithSocket(given.path);
  };
  bind();
  if (!isAlone) setNonblocking(listener, true);
  if (isAlone) backEnd.adopt(listener);
  else backEnd.listenOn(listener);
  const unbind = (): void => {
    if (!isAlone) closeFd(listener);
    if (given.path !== undefined) unlinkSync(given.path);
  };
  const bindAnew = (): void => {
    unbind();
    bind();
    backEnd.listenOn(listener);
  };
  const end = (): void => {
    backEnd.close();
    unbind();
    process.exit(0);
  };
  process.on('SIGTERM', rules.program.endsAtSigterm ? end : () => {});
  process.on('SIGINT', end);
  process.on('SIGUSR2', () => backEnd.changeConfig());
  let served = 0;
  const serve = (): void => {
    const until = monotonicUs() + yieldAfterUs;
    while (backEnd.turn(waitUs) && backEnd.connectionsEnded === served && monotonicUs() < until);
    const hasEnded = backEnd.connectionsEnded > served;
    served = backEnd.connectionsEnded;
    if (hasEnded && (connections === 'one' || isAlone)) end();
    // As a program whose loop ends with a connection, and that calls it again.
    if (hasEnded && connections === 'anew') {
      setTimeout(() => {
        bindAnew();
        serve();
      }, anewAfterMs);
      return;
    }
    setImmediate(serve);
  };
  serve();
}

await main();
