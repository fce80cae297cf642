import type { DriverPort, Guest, OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import type { Region } from '../../reference-impl/memory/region.ts';

/** What applies to cases that tell the memory themselves and hear whether it was taken. */
export const acknowledgedTables = {
  start: 'closed',
  transports: ['vhost-user'],
  shareMemory: false,
  negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'],
} as const;

/** A region as messages describe it. */
export interface RegionFields {
  readonly guestAddress: bigint;
  readonly size: bigint;
  readonly userAddress: bigint;
  readonly mmapOffset: bigint;
}

export const fieldsOf = ({ guestAddress, size, userAddress, mmapOffset }: Region): RegionFields => ({
  guestAddress,
  size: BigInt(size),
  userAddress,
  mmapOffset,
});

/** SET_MEM_TABLE with any regions and any descriptors. */
export const setMemTable = (
  regions: readonly RegionFields[],
  descriptors: readonly number[],
  numRegions = regions.length,
): OutgoingMessage => ({ request: 'VHOST_USER_SET_MEM_TABLE', payload: { numRegions, regions }, descriptors });

/** By guest-physical address, as front-ends send them: some back-ends close the connection at any other order. */
export function inOrder<R extends Pick<RegionFields, 'guestAddress'>>(regions: readonly R[]): R[] {
  return [...regions].sort((a, b) => (a.guestAddress < b.guestAddress ? -1 : 1));
}

/** SET_MEM_TABLE with the regions of these guests. */
export function tableOf(port: DriverPort<VhostUserSession>, ...guests: readonly Guest[]): OutgoingMessage {
  const regions = inOrder(guests.flatMap((guest) => [...guest.regions]));
  return setMemTable(regions.map(fieldsOf), descriptorsOf(port, regions));
}

export const descriptorsOf = (port: DriverPort<VhostUserSession>, regions: readonly Region[]): number[] =>
  regions.map((region) => port.descriptors.ofRegion(region));

export const addMemReg = (region: RegionFields, descriptor: number): OutgoingMessage => ({
  request: 'VHOST_USER_ADD_MEM_REG',
  payload: { ...region },
  descriptors: [descriptor],
});

export const remMemReg = (region: RegionFields, descriptors: readonly number[] = []): OutgoingMessage => ({
  request: 'VHOST_USER_REM_MEM_REG',
  payload: { ...region },
  descriptors,
});
