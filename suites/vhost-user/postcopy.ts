import type {
  DriverPort,
  Guest,
  PageFault,
  PageServer,
  ReceivedMessage,
  VhostUserSession,
} from '../../drivers/port/port.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import { memoryRegionsPayload, singleMemoryRegionPayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import type { Check } from '../check.ts';
import { addMemReg, fieldsOf, inOrder, type RegionFields, setMemTable, tableOf } from './memory-table.ts';

/** Memory that arrives while it is in use (vhost-user, "Migration", and the messages VHOST_USER_POSTCOPY_…). */

export const postcopyApplies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_USER_PROTOCOL_F_PAGEFAULT', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  shareMemory: false,
} as const;

interface Setting {
  readonly port: DriverPort<VhostUserSession>;
  readonly session: VhostUserSession;
}

/** POSTCOPY_ADVISE, and the faults of its userfaultfd served. */
export function advised({ port, session }: Setting, check: Check): PageServer | undefined {
  const reply = check.reply(session.messages.exchange({ request: 'VHOST_USER_POSTCOPY_ADVISE' }), 'POSTCOPY_ADVISE');
  const [userfault] = reply.descriptors;
  check.presumes(userfault !== undefined, 'POSTCOPY_ADVISE is answered with a descriptor');
  if (userfault === undefined) return undefined;
  const server = session.messages.servePages(userfault);
  // The server has one of its own.
  port.descriptors.close(userfault);
  return server;
}

export const listen = { request: 'VHOST_USER_POSTCOPY_LISTEN' } as const;

/** POSTCOPY_ADVISE and POSTCOPY_LISTEN. */
export function listening(setting: Setting, check: Check): PageServer | undefined {
  const server = advised(setting, check);
  if (server === undefined) return undefined;
  check.granted(setting.session.messages.acknowledged(listen), 'POSTCOPY_LISTEN');
  return server;
}

/** The regions of the reply to a memory table; undefined where it is none. */
export function regionsIn({ payload }: ReceivedMessage): readonly RegionFields[] | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const decoded = memoryRegionsPayload.decode(view, 0, payload.byteLength);
  return decoded.ok ? decoded.value.regions : undefined;
}

export const regionsOf = (...guests: readonly Guest[]): Region[] =>
  inOrder(guests.flatMap((guest) => [...guest.regions]));

/** The front-end says that it knows where regions lie: an empty table, which some read as a u64 that must be there. */
export function acknowledged({ messages }: VhostUserSession, check: Check): void {
  messages.send(setMemTable([], []));
  check.reply(messages.fence(), 'GET_FEATURES behind the acknowledgement of the bases');
}

/** SET_MEM_TABLE in postcopy: where the regions lie, which is not acknowledged yet. */
export function tableTold(
  { port, session }: Setting,
  check: Check,
  server: PageServer,
  ...guests: readonly Guest[]
): readonly RegionFields[] {
  const reply = check.reply(session.messages.exchange(tableOf(port, ...guests)), 'SET_MEM_TABLE in postcopy');
  return placed(server, reply, ...guests);
}

/** Where the reply to a memory table says that its regions lie, which the server of pages is told. */
export function placed(
  server: PageServer,
  reply: ReceivedMessage,
  ...guests: readonly Guest[]
): readonly RegionFields[] {
  const told = regionsIn(reply) ?? [];
  for (const [n, region] of regionsOf(...guests).entries()) {
    const at = told[n];
    if (at !== undefined) server.placed(region, at.userAddress);
  }
  return told;
}

/** SET_MEM_TABLE in postcopy, with its acknowledgement. */
export function memoryShared(setting: Setting, check: Check, server: PageServer, ...guests: readonly Guest[]): void {
  const told = tableTold(setting, check, server, ...guests);
  check.presumes(told.length === regionsOf(...guests).length, 'the reply to SET_MEM_TABLE tells of each region');
  acknowledged(setting.session, check);
}

const noBytes = new Uint8Array(8);

/** ADD_MEM_REG in postcopy for the one region of a guest, with its acknowledgement: where the reply says that it lies. */
export function regionAdded(
  { port, session }: Setting,
  check: Check,
  server: PageServer,
  guest: Guest,
): RegionFields | undefined {
  const [region] = guest.regions;
  if (region === undefined) return undefined;
  const { messages } = session;
  const added = addMemReg(fieldsOf(region), port.descriptors.ofRegion(region));
  const { payload } = check.reply(messages.exchange(added), 'ADD_MEM_REG in postcopy');
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const decoded = singleMemoryRegionPayload.decode(view, 0, payload.byteLength);
  const told = decoded.ok ? decoded.value : undefined;
  if (told !== undefined) server.placed(region, told.userAddress);
  // The text has it empty; libraries read a u64 of 0.
  messages.send({ request: 'VHOST_USER_ADD_MEM_REG', payload: noBytes });
  const behind = messages.fence();
  check.presumes(behind.kind === 'reply', 'the acknowledgement of the added region is taken');
  return told;
}

/** Faults in a region. */
export const faultsIn = ({ faults }: PageServer, region: Region): readonly PageFault[] =>
  faults.filter((fault) => fault.region === region);

/** The first page fault from now on in the guest, or in no region that the reply to the memory table told of. */
export function nextFault(server: PageServer, { regions }: Guest): () => PageFault | undefined {
  const before = server.faults.length;
  return () => server.faults.slice(before).find(({ region }) => region === undefined || regions.includes(region));
}

const pageSize = 4096n;

/** The pages of a guest that a chain lies in, as `placeOf` has them. */
export function pagesOf(guest: Guest, segments: readonly Segment[]): string[] {
  const places = new Set<string>();
  for (const { guestAddress, length } of segments) {
    for (let at = guestAddress - (guestAddress % pageSize); at < guestAddress + BigInt(length); at += pageSize) {
      const region = guest.regions.find((one) => one.guestAddress <= at && at < one.guestAddress + BigInt(one.size));
      if (region !== undefined) places.add(placeText(region, at - region.guestAddress));
    }
  }
  return [...places];
}

/** Where a page fault lies, by what the reply to the memory table said. */
export const placeOf = ({ address, region, offset }: PageFault): string =>
  region === undefined ? `0x${address.toString(16)}, in no region` : placeText(region, BigInt(offset));

const placeText = ({ index, size }: Region, offset: bigint): string =>
  `0x${offset.toString(16)} of region ${index}, of ${size} bytes`;
