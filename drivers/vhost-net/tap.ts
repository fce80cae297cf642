import { constants, existsSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { errorName } from '../../reference-impl/wire/errno.ts';
import { DriverUsageError, SystemCallError } from '../errors.ts';
import { closeFd, deviceIoctl, openFile, packetReceive, packetSocket, socketPair } from '../native/native.ts';
import type { NetworkQueue } from './network-queue.ts';

const requests = {
  TUNSETIFF: 0x4004_54ca,
  TUNSETVNETHDRSZ: 0x4004_54d8,
  SIOCGIFFLAGS: 0x8913,
  SIOCSIFFLAGS: 0x8914,
} as const;
/** IFF_TAP, IFF_NO_PI, IFF_VNET_HDR. */
const tapFlags = 0x0002 | 0x1000 | 0x4000;
const IFF_UP = 1;
const requestBytes = 40;
const longestName = 15;
/** The longest frame with its header. */
const frameBytes = 65_536 + 64;

/**
 * A tap device, and the station behind it: what a device transmits into the tap comes in on its interface, where the
 * station reads it and sends it back. The interface has no addresses, so nothing else speaks on it.
 */
export class Tap implements NetworkQueue {
  readonly fd: number;
  readonly pollFd: number;
  readonly #frame = new Uint8Array(frameBytes);

  /** Makes the tap device where there is none of that name. @throws DriverUsageError */
  constructor(name: string) {
    if (name.length === 0 || name.length > longestName) {
      throw new DriverUsageError(`tap=${name}: names of interfaces have 1 to ${longestName} characters`);
    }
    this.fd = opened();
    try {
      call(this.fd, 'TUNSETIFF', interfaceRequest(name, tapFlags), name);
      this.pollFd = this.#station(name);
    } catch (error) {
      closeFd(this.fd);
      throw error instanceof SystemCallError ? new DriverUsageError(`tap=${name}: ${error.message}`) : error;
    }
  }

  setHeaderSize(bytes: number): void {
    call(this.fd, 'TUNSETVNETHDRSZ', new Uint8Array(Int32Array.of(bytes).buffer), `${bytes}`);
  }

  /** Sends all back that came in. */
  onReady(): void {
    for (let length = this.#received(); length > 0; length = this.#received()) {
      attempt(() => writeSync(this.pollFd, this.#frame, 0, length));
    }
  }

  drain(): void {
    while (this.#received() > 0);
    while ((attempt(() => readSync(this.fd, this.#frame, 0, frameBytes, null)) ?? 0) > 0);
  }

  close(): void {
    closeFd(this.pollFd);
    closeFd(this.fd);
  }

  #received(): number {
    return packetReceive(this.pollFd, this.#frame);
  }

  #station(name: string): number {
    // Without the kernel's own frames of IPv6.
    const ipv6 = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
    if (existsSync(ipv6)) writeFileSync(ipv6, '1');
    bringUp(name);
    return packetSocket(Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8')));
  }
}

/** Calls on interfaces go through any socket. */
function bringUp(name: string): void {
  const sockets = socketPair();
  try {
    const flags = interfaceRequest(name, 0);
    call(sockets[0], 'SIOCGIFFLAGS', flags, name);
    const view = new DataView(flags.buffer);
    view.setUint16(16, view.getUint16(16, true) | IFF_UP, true);
    call(sockets[0], 'SIOCSIFFLAGS', flags, name);
  } finally {
    for (const socket of sockets) closeFd(socket);
  }
}

const remedies: Readonly<Record<string, string>> = {
  ENOENT: 'there is no /dev/net/tun: modprobe tun',
  ENODEV: 'nothing serves /dev/net/tun: modprobe tun',
  EACCES: 'no permission on /dev/net/tun: run as root',
  EPERM: 'no permission on /dev/net/tun: run as root',
};

function opened(): number {
  try {
    return openFile('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    const remedy = error instanceof SystemCallError ? remedies[error.errnoName] : undefined;
    throw remedy === undefined ? error : new DriverUsageError(remedy);
  }
}

/** struct ifreq. */
function interfaceRequest(name: string, flags: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(requestBytes);
  bytes.set(new TextEncoder().encode(name));
  new DataView(bytes.buffer).setUint16(16, flags, true);
  return bytes;
}

/** @throws DriverUsageError */
function call(fd: number, what: keyof typeof requests, argument: Uint8Array, on: string): void {
  const answer = deviceIoctl(fd, requests[what], argument);
  if (answer < 0) throw new DriverUsageError(`${what} of ${on}: ${errorName(answer)}`);
}

/** A read or write that has nothing to do, or that the interface refuses, is none. */
function attempt(act: () => number): number | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return undefined;
    throw error;
  }
}
