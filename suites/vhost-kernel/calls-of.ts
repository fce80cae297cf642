import type {
  DriverPort,
  VdpaCalls,
  VhostCalls,
  VhostNetCalls,
  VhostNetSession,
  VhostVdpaSession,
} from '../../drivers/port/port.ts';
import { errno } from '../../reference-impl/wire/errno.ts';

/** Calls that every vhost device file has, and those that one of its transports has. */

/** A session on a vhost device file of either transport. */
export type VhostSession = VhostVdpaSession | VhostNetSession;

/** A call on a ring, or with an event descriptor. */
export type NumberedCall = (session: VhostSession, number: number) => number;

const of =
  (call: (calls: VhostCalls, number: number) => number): NumberedCall =>
  ({ calls }, number) =>
    call(calls, number);

export const ofVdpa =
  (call: (calls: VdpaCalls, number: number) => number): NumberedCall =>
  ({ calls }, number) =>
    'setEnabled' in calls ? call(calls, number) : -errno.ENOTTY;

export const ofNet =
  (call: (calls: VhostNetCalls, number: number) => number): NumberedCall =>
  ({ calls }, number) =>
    'setBackend' in calls ? call(calls, number) : -errno.ENOTTY;

/** Calls in common, and those of the transport of a port. */
export const chosen = <Call>(
  { facts }: DriverPort<VhostSession>,
  common: Readonly<Record<string, Call>>,
  vdpa: Readonly<Record<string, Call>>,
  net: Readonly<Record<string, Call>>,
): Readonly<Record<string, Call>> => ({ ...common, ...(facts.transport === 'vhost-vdpa' ? vdpa : net) });

/** Calls that change nothing of a ring that does not run. */
const ringCalls: Readonly<Record<string, NumberedCall>> = {
  SET_VRING_NUM: of((calls, index) => calls.setSize(index, 16)),
  SET_VRING_ADDR: of((calls, index) => calls.setAddresses(index, { descriptor: 0n, available: 0n, used: 0n })),
  SET_VRING_BASE: of((calls, index) => calls.setBase(index, 0)),
  SET_VRING_KICK: of((calls, index) => calls.setEvent('kick', index, -1)),
  SET_VRING_CALL: of((calls, index) => calls.setEvent('call', index, -1)),
  SET_VRING_ERR: of((calls, index) => calls.setEvent('err', index, -1)),
};

const enable = { SET_VRING_ENABLE: ofVdpa((calls, index) => calls.setEnabled(index, false)) };

export const ringCallsOf = (port: DriverPort<VhostSession>): Readonly<Record<string, NumberedCall>> =>
  chosen(port, ringCalls, enable, {});

/** Calls that take an event descriptor, of ring 0 where they are of one. */
export const eventsOf = (port: DriverPort<VhostSession>): Readonly<Record<string, NumberedCall>> =>
  chosen(
    port,
    {
      kick: of((calls, fd) => calls.setEvent('kick', 0, fd)),
      call: of((calls, fd) => calls.setEvent('call', 0, fd)),
      err: of((calls, fd) => calls.setEvent('err', 0, fd)),
    },
    { config: ofVdpa((calls, fd) => calls.setConfigCall(fd)) },
    { log: ofNet((calls, fd) => calls.setLogEvent(fd)) },
  );

/** vhost-net has a receive and a transmit ring. */
const ringsOfNet = 2;

export const ringCount = ({ calls }: VhostSession): number => ('queueCount' in calls ? calls.queueCount() : ringsOfNet);
