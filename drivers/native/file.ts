import { constants } from 'node:fs';
import { addon, checked } from './addon.ts';

const F_DUPFD_CLOEXEC = 1030;
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
const FD_CLOEXEC = 1;

export const F_SEAL_SEAL = 1;
export const F_SEAL_SHRINK = 2;
export const F_SEAL_GROW = 4;

const statusOut = new Float64Array(4);
const pairOut = new Int32Array(2);

/**
 * A new memfd of `size` bytes, zeroed; with `seal` its size is fixed for good
 * (SHRINK, GROW, SEAL).
 */
export function memfdCreate(name: string, size: number, options: { seal: boolean }): number {
  const fd = checked(addon.memfdCreate(name, options.seal), 'memfd_create', name);
  try {
    checked(addon.ftruncate(fd, size), 'ftruncate', name);
    if (options.seal) addSeals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  return fd;
}

/** Adds seals (F_SEAL_*) to a memfd that was made sealable. */
export function addSeals(fd: number, seals: number): void {
  checked(addon.fcntl(fd, F_ADD_SEALS, seals), 'fcntl(F_ADD_SEALS)');
}

/** The seals of a memfd. Throws SystemCallError EINVAL where it is none. */
export function getSeals(fd: number): number {
  return checked(addon.fcntl(fd, F_GET_SEALS, 0), 'fcntl(F_GET_SEALS)');
}

/** Opens close-on-exec; `flags` are O_* of node's fs.constants. */
export function openFile(path: string, flags: number = constants.O_RDONLY, mode = 0o600): number {
  return checked(addon.openFile(path, flags, mode), 'open', path);
}

export function closeFd(fd: number): void {
  checked(addon.closeFd(fd), 'close');
}

export function ftruncate(fd: number, size: number): void {
  checked(addon.ftruncate(fd, size), 'ftruncate');
}

export interface FileStatus {
  /** Bytes. */
  readonly size: number;
  readonly inode: number;
  readonly device: number;
  /** File type and permissions, as st_mode. */
  readonly mode: number;
}

export function fstat(fd: number): FileStatus {
  checked(addon.fstat(fd, statusOut), 'fstat');
  const [size = 0, inode = 0, device = 0, mode = 0] = statusOut;
  return { size, inode, device, mode };
}

/** A second descriptor of the same open file, close-on-exec. */
export function dupFd(fd: number): number {
  return checked(addon.fcntl(fd, F_DUPFD_CLOEXEC, 0), 'fcntl(F_DUPFD_CLOEXEC)');
}

export function pipe2(options: { nonblocking: boolean }): { readonly readFd: number; readonly writeFd: number } {
  checked(addon.pipe2(pairOut, options.nonblocking ? constants.O_NONBLOCK : 0), 'pipe2');
  const [readFd = -1, writeFd = -1] = pairOut;
  return { readFd, writeFd };
}

/** The status flags of an open file: access mode, O_NONBLOCK, O_APPEND. */
export function getStatusFlags(fd: number): number {
  return checked(addon.fcntl(fd, F_GETFL, 0), 'fcntl(F_GETFL)');
}

/** O_NONBLOCK belongs to the open file, so a peer that got the descriptor sees it too. */
export function setNonblocking(fd: number, isNonblocking: boolean): void {
  const flags = getStatusFlags(fd);
  const wanted = isNonblocking ? flags | constants.O_NONBLOCK : flags & ~constants.O_NONBLOCK;
  if (wanted !== flags) checked(addon.fcntl(fd, F_SETFL, wanted), 'fcntl(F_SETFL)');
}

export function isCloseOnExec(fd: number): boolean {
  return (checked(addon.fcntl(fd, F_GETFD, 0), 'fcntl(F_GETFD)') & FD_CLOEXEC) !== 0;
}

export function setCloseOnExec(fd: number, closesOnExec: boolean): void {
  checked(addon.fcntl(fd, F_SETFD, closesOnExec ? FD_CLOEXEC : 0), 'fcntl(F_SETFD)');
}

/** Bytes read at `position`: fewer than `length` only at the end of the file or before an error. */
export function pread(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number | bigint,
): number {
  return checked(addon.pread(fd, buffer, offset, length, position), 'pread');
}

/** Bytes written at `position`: fewer than `length` only before an error. */
export function pwrite(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number | bigint,
): number {
  return checked(addon.pwrite(fd, buffer, offset, length, position), 'pwrite');
}

const EAGAIN = 11;

/** One read(2), for files whose reads have boundaries: bytes read, 0 at the end, -1 where it would block. */
export function readOnce(fd: number, buffer: Uint8Array, offset: number, length: number): number {
  const result = addon.read(fd, buffer, offset, length);
  return result === -EAGAIN ? -1 : checked(result, 'read');
}

/** One write(2): bytes written, -1 where it would block. */
export function writeOnce(fd: number, buffer: Uint8Array, offset: number, length: number): number {
  const result = addon.write(fd, buffer, offset, length);
  return result === -EAGAIN ? -1 : checked(result, 'write');
}

/**
 * What the ioctl answered, zero or above. A byte array is passed by address
 * and must be as large as the request says: the kernel trusts it.
 */
export function ioctl(
  fd: number,
  request: number | bigint,
  argument: number | bigint | Uint8Array | null = null,
): number {
  return checked(addon.ioctl(fd, request, argument), 'ioctl', `0x${request.toString(16)}`);
}
