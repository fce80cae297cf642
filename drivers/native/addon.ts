import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { DriverUsageError, SystemCallError } from '../errors.ts';

/**
 * The functions of the addon. Each number that one answers is its result,
 * minus an errno, or below -4095 an unusable argument; see `checked`.
 */
export interface Addon {
  memfdCreate(name: string, allowSealing: boolean): number;
  openFile(path: string, flags: number, mode: number): number;
  closeFd(fd: number): number;
  ftruncate(fd: number, size: number): number;
  fstat(fd: number, out: Float64Array): number;
  fcntl(fd: number, command: number, argument: number): number;
  pipe2(out: Int32Array, flags: number): number;
  pread(fd: number, buffer: Uint8Array, offset: number, length: number, position: number | bigint): number;
  pwrite(fd: number, buffer: Uint8Array, offset: number, length: number, position: number | bigint): number;
  read(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  write(fd: number, buffer: Uint8Array, offset: number, length: number): number;
  ioctl(fd: number, request: number | bigint, argument: number | bigint | Uint8Array | null): number;

  deviceIoctl(fd: number, request: number | bigint, argument: Uint8Array): number;
  devicePread(fd: number, buffer: Uint8Array, position: number | bigint, count: number): number;
  devicePwrite(fd: number, buffer: Uint8Array, position: number | bigint, count: number): number;

  mapMemory(
    fd: number,
    length: number,
    offset: number | bigint,
    readOnly: boolean,
    hint: bigint,
    out: BigUint64Array,
    isFixed: boolean,
    writeOnly: boolean,
    isPrivate: boolean,
  ): ArrayBuffer | number;
  unmapMemory(buffer: ArrayBuffer): number;

  eventfdCreate(initial: number, nonblocking: boolean, semaphore: boolean): number;
  eventfdRead(fd: number): number;
  eventfdWrite(fd: number, value: number | bigint): number;

  poll(fds: Int32Array, events: Int16Array, revents: Int16Array, count: number, timeoutUs: number): number;
  monotonicUs(): number;

  pin(array: NodeJS.TypedArray): number;

  waitSetCreate(): number;
  waitSetFd(set: number): number;
  waitSetAdd(set: number, fd: number, slot: number): number;
  waitSetRemove(set: number, fd: number): number;
  waitSetWait(set: number, ready: number, timeoutUs: number): number;
  waitSetClose(set: number): number;

  packetSocket(interfaceIndex: number): number;
  packetReceive(fd: number, buffer: Uint8Array): number;

  socket(): number;
  connect(fd: number, path: string): number;
  bind(fd: number, path: string): number;
  listen(fd: number, backlog: number): number;
  accept(fd: number): number;
  shutdown(fd: number, how: number): number;
  socketPair(out: Int32Array): number;
  peerCredentials(fd: number, out: Int32Array): number;
  sendMessage(
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    fds: Int32Array | null,
    fdCount: number,
    deadlineUs: number,
  ): number;
  sendMessages(
    fd: number,
    buffer: Uint8Array,
    lengths: Int32Array,
    fds: Int32Array,
    fdCounts: Int32Array,
    count: number,
    deadlineUs: number,
    result: Int32Array,
  ): number;
  receiveMessage(
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    fdsOut: Int32Array | null,
    flags: number,
    result: Int32Array,
  ): number;
  exchange(
    fd: number,
    sendBuffer: Uint8Array | number,
    sendLength: number,
    sendFds: Int32Array | number | null,
    sendFdCount: number,
    receiveBuffer: Uint8Array | number,
    fdsOut: Int32Array | number | null,
    result: Int32Array | number,
    deadlineUs: number,
    otherFds: Int32Array | number | null,
    otherEvents: Int16Array | number | null,
    otherRevents: Int16Array | number | null,
    otherCount: number,
    expectedLength: number,
  ): number;

  spawn(
    file: string,
    args: readonly string[],
    env: readonly string[] | null,
    cwd: string | null,
    sources: Int32Array,
    targets: Int32Array,
    out: Int32Array,
  ): number;
  waitPidfd(pidfd: number, noHang: boolean, out: Float64Array): number;
  signalPidfd(pidfd: number, signal: number): number;
  killGroup(group: number, signal: number): number;
  reapGroup(group: number): number;
  reapChild(pid: number): number;
  pidfdOpen(pid: number): number;
  setChildSubreaper(isSubreaper: boolean): number;
  setParentDeathSignal(signal: number): number;
  endWithParent(pidfd: number): number;
  processCpuTimeUs(pid: number): number;

  outputSinkCreate(out: Int32Array): number;
  outputSinkRead(sink: number, isHead: boolean, buffer: Uint8Array): number;
  outputSinkClose(sink: number): number;

  startMutator(buffer: ArrayBuffer, offset: number, length: number, patterns: Uint8Array, periodNs: number): number;
  stopMutator(handle: number): number;

  surviveBusErrors(): number;
  takeBusErrors(): number;

  userfaultOpen(): number;
  userfaultRegister(fd: number, address: bigint, length: number): number;
  userfaultUnregister(fd: number, address: bigint, length: number): number;
  userfaultWake(fd: number, address: bigint, length: number): number;
  userfaultRead(fd: number, out: BigUint64Array): number;
  startTouch(buffer: ArrayBuffer, offset: number, length: number, pageSize: number, eventfd: number): number;
  isTouchOver(handle: number): number;
  endTouch(handle: number): number;
  punchHole(fd: number, offset: number, length: number): number;
  fillHoles(fd: number, offset: number, length: number): number;
  nextData(fd: number, offset: number): number;

  scriptSystemCall(call: number, steps: Int32Array): number;
}

const kernelMaxErrno = 4095;
const usageError = 10000;

/** Throws what a negative answer of the addon stands for. */
export function fail(result: number, syscall: string, subject?: string): never {
  if (result < -kernelMaxErrno) {
    throw new DriverUsageError(`${syscall}: argument ${-result - usageError} is unusable`);
  }
  throw new SystemCallError(-result, syscall, subject);
}

/** The result of a function of the addon, unless it failed. */
export function checked(result: number, syscall: string, subject?: string): number {
  if (result < 0) fail(result, syscall, subject);
  return result;
}

/** From dist/drivers/native: the addon that node-gyp built here, else the one that came with the package. */
const places = ['build/Release/vhost_conformance.node', `prebuilt/${process.platform}-${process.arch}.node`].map(
  (place) => fileURLToPath(new URL(`../../../drivers/native/${place}`, import.meta.url)),
);

function loadAddon(): Addon {
  // The sanitizer run builds a second addon and names it here.
  const candidates = [process.env['VHOST_CONFORMANCE_ADDON'] ?? places].flat();
  const path = candidates.find(existsSync);
  if (path === undefined) {
    throw new DriverUsageError(`the native addon is missing (${candidates.join(', ')}): run "npm run build:native"`);
  }
  const addon = createRequire(import.meta.url)(path) as Addon;
  if (addon.surviveBusErrors === undefined) {
    throw new DriverUsageError(`the native addon ${path} is older than its sources: run "npm run build:native"`);
  }
  return addon;
}

export const addon: Addon = loadAddon();
