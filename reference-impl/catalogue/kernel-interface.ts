/** The user interface of Linux vhost, vhost-vdpa and VDUSE, as data; numbers are those of x86-64. */
import { CatalogueError } from '../errors.ts';
import { booleanOf, everyOneOf, namesOf, numberOf, objectOf, oneOf, stringOf } from './checked-json.ts';
import ioctls from './ioctls.json' with { type: 'json' };
import iotlbMessages from './iotlb-messages.json' with { type: 'json' };
import type { Transport } from './transport.ts';
import vduseMessages from './vduse-messages.json' with { type: 'json' };

export type IoctlName = keyof typeof ioctls;
export type IotlbMessageName = keyof typeof iotlbMessages;
export type VduseMessageName = keyof typeof vduseMessages;

const directions = ['_IO', '_IOR', '_IOW', '_IOWR'] as const;
const ioctlDrivers = ['net', 'scsi', 'vsock', 'vdpa', 'vduse-control', 'vduse-device'] as const;

export interface Ioctl {
  readonly name: IoctlName;
  readonly direction: (typeof directions)[number];
  /** Magic of the request: 0xaf for vhost, 0x81 for VDUSE. */
  readonly type: number;
  readonly number: number;
  /** Structure of the argument; undefined when there is none. */
  readonly payload: string | undefined;
  /** Bytes that the request number states. */
  readonly payloadSize: number;
  /** What ioctl(2) takes. */
  readonly request: number;
  readonly drivers: readonly (typeof ioctlDrivers)[number][];
  /** Kernel version, as far as known. */
  readonly since: string;
  /** Whether the number was compiled from the headers, and not only read. */
  readonly isNumberChecked: boolean;
  readonly text: string;
  /** `ERRNO: when`, with the driver before it when only one answers so. */
  readonly errors: readonly string[];
}

function ioctlFrom(name: IoctlName, value: unknown): Ioctl {
  const where = `ioctls.json ${name}`;
  const written = objectOf(value, where);
  const payload = written['payload'];
  return {
    name,
    direction: oneOf(directions, written['direction'], where),
    type: numberOf(written['type'], where),
    number: numberOf(written['number'], where),
    payload: payload === null ? undefined : stringOf(payload, where),
    payloadSize: numberOf(written['payloadSize'], where),
    request: numberOf(written['request'], where),
    drivers: everyOneOf(ioctlDrivers, written['drivers'], where),
    since: stringOf(written['since'], where),
    isNumberChecked: booleanOf(written['isNumberChecked'], where),
    text: stringOf(written['text'], where),
    errors: namesOf(written['errors'], where),
  };
}

export interface IotlbMessage {
  readonly name: IotlbMessageName;
  readonly type: number;
  readonly direction: 'user-to-kernel' | 'kernel-to-user';
  /** Drivers that send or accept it. */
  readonly via: readonly Extract<Transport, 'vhost-kernel' | 'vhost-vdpa'>[];
  readonly text: string;
}

function iotlbMessageFrom(name: IotlbMessageName, value: unknown): IotlbMessage {
  const where = `iotlb-messages.json ${name}`;
  const written = objectOf(value, where);
  return {
    name,
    type: numberOf(written['type'], where),
    direction: oneOf(['user-to-kernel', 'kernel-to-user'], written['direction'], where),
    via: everyOneOf(['vhost-kernel', 'vhost-vdpa'], written['via'], where),
    text: stringOf(written['text'], where),
  };
}

export interface VduseMessage {
  readonly name: VduseMessageName;
  readonly type: number;
  /** Undefined for messages of the first VDUSE interface. */
  readonly since: string | undefined;
  readonly text: string;
}

function vduseMessageFrom(name: VduseMessageName, value: unknown): VduseMessage {
  const where = `vduse-messages.json ${name}`;
  const written = objectOf(value, where);
  return {
    name,
    type: numberOf(written['type'], where),
    since: written['since'] === null ? undefined : stringOf(written['since'], where),
    text: stringOf(written['text'], where),
  };
}

const isIoctlName = (name: string): name is IoctlName => Object.hasOwn(ioctls, name);
const isIotlbMessageName = (name: string): name is IotlbMessageName => Object.hasOwn(iotlbMessages, name);
const isVduseMessageName = (name: string): name is VduseMessageName => Object.hasOwn(vduseMessages, name);

const ioctlByNames: ReadonlyMap<string, Ioctl> = new Map(
  Object.keys(ioctls)
    .filter(isIoctlName)
    .map((name) => [name, ioctlFrom(name, ioctls[name])]),
);

/** All requests: vhost, vhost-vdpa and VDUSE. */
export function allIoctls(): readonly Ioctl[] {
  return [...ioctlByNames.values()];
}

/** @throws CatalogueError for a name that no request has */
export function ioctlByName(name: IoctlName): Ioctl {
  const ioctl = ioctlByNames.get(name);
  if (ioctl === undefined) throw new CatalogueError(`no ioctl is called ${name}`);
  return ioctl;
}

/** What travels by write and, on vhost-net, read of the device file. */
export function allIotlbMessages(): readonly IotlbMessage[] {
  return Object.keys(iotlbMessages)
    .filter(isIotlbMessageName)
    .map((name) => iotlbMessageFrom(name, iotlbMessages[name]));
}

/** What the kernel asks of a VDUSE device by read of the device file. */
export function allVduseMessages(): readonly VduseMessage[] {
  return Object.keys(vduseMessages)
    .filter(isVduseMessageName)
    .map((name) => vduseMessageFrom(name, vduseMessages[name]));
}
