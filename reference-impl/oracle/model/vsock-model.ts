import {
  decodeVsockHeader,
  reservedCids,
  VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
  VIRTIO_VSOCK_F_SEQPACKET,
  VIRTIO_VSOCK_F_STREAM,
  VSOCK_CONFIG_SIZE,
  VSOCK_HEADER_SIZE,
  VSOCK_HOST_CID,
  type VsockHeader,
  vsockOps,
  vsockQueues,
  vsockTypes,
} from '../../devices/vsock-layout.ts';
import { type DeviceModel, type DeviceModelOptions, type Pending, type Request, tellLength } from './device-model.ts';
import { inParts } from './observation.ts';
import { VsockFlow } from './vsock-flow.ts';

export interface VsockModelOptions extends DeviceModelOptions {
  /** Configuration space, where it was read. */
  readonly configuration: Uint8Array | undefined;
  /** The port of the host whose socket gives back what it receives; no other one listens. */
  readonly echoPort: number | undefined;
  /** What it owes has come when a ring stops, as no text says. */
  readonly isPrompt: boolean;
}

const keyOf = (type: number, port: number, to: number): string => `${type} ${port} ${to}`;

/** The socket device (virtio 5.10): packets as the driver sends them, and what a device may answer. */
export class VsockModel implements DeviceModel {
  readonly #options: VsockModelOptions;
  readonly #flows = new Map<string, VsockFlow>();
  /** Flows of sessions before this one: what still comes of them is not judged. */
  readonly #left = new Set<string>();
  /** Receive buffers with room for a packet, by their room. */
  readonly #lent = new Set<{ readonly room: number }>();
  #guestCid: bigint | undefined;
  /** Packets on the transmit queue that were not seen used. */
  #underWay = 0;
  /** Packets were sent of which nothing is known. */
  #isLost = false;

  constructor(options: VsockModelOptions) {
    this.#options = options;
    if (options.configuration !== undefined) this.configured(0, options.configuration);
  }

  lose(): void {
    this.#isLost = true;
  }

  began(): void {
    for (const key of this.#flows.keys()) this.#left.add(key);
    this.#flows.clear();
    this.#lent.clear();
    this.#underWay = 0;
  }

  configured(offset: number, bytes: Uint8Array): void {
    if (offset !== 0 || bytes.length < VSOCK_CONFIG_SIZE) return;
    const { tell } = this.#options;
    const cid = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
    this.#guestCid = cid;
    if (cid >> 32n !== 0n) {
      const what = 'the upper 32 bits of guest_cid';
      tell({ requirement: 'vsock/guest-cid-upper-bits-zero', what, expected: '0', actual: String(cid >> 32n) });
    } else if (reservedCids.includes(cid)) {
      const expected = 'a CID that is not reserved';
      tell({ requirement: 'vsock/guest-cid-not-reserved', what: 'guest_cid', expected, actual: String(cid) });
    }
  }

  begin(request: Request, index: number, features: bigint): Pending {
    if (index === vsockQueues.tx) return this.#transmit(request, features);
    if (index === vsockQueues.rx && request.readable.length === 0) return this.#lend(request.room);
    if (index === vsockQueues.event && request.readable.length === 0) return this.#lendForEvent();
    return this.#unknown();
  }

  #unknown(): Pending {
    this.lose();
    return { isOwed: false, complete: () => this.#options.take('undefined-request') };
  }

  /** A receive queue is over, and with it what was promised for its buffers. */
  ended(index: number, isSeenWhole: boolean): void {
    if (index === vsockQueues.tx) this.#underWay = 0;
    if (index !== vsockQueues.rx) return;
    const rooms = [...this.#lent].map(({ room }) => room);
    this.#lent.clear();
    const isJudged = isSeenWhole && !this.#isLost && this.#options.isPrompt && this.#underWay === 0 && rooms.length > 0;
    for (const flow of this.#flows.values()) {
      const owed = isJudged ? flow.missing(rooms) : undefined;
      if (owed !== undefined) this.#options.tell(owed);
      flow.forgive();
    }
  }

  #transmit({ readable, room }: Request, features: bigint): Pending {
    if (room > 0 || readable.length < VSOCK_HEADER_SIZE) return this.#unknown();
    const header = decodeVsockHeader(readable);
    const payload = readable.subarray(VSOCK_HEADER_SIZE, VSOCK_HEADER_SIZE + header.len);
    const isWhole = payload.length === header.len && header.dstCid === VSOCK_HOST_CID;
    if (!isWhole || header.srcCid !== this.#guestCid) return this.#unknown();
    this.#sent(header, payload.slice(), features);
    this.#underWay++;
    return {
      isOwed: true,
      complete: ({ len }, layout) => {
        this.#underWay--;
        tellLength(this.#options.tell, layout, 'a packet that was transmitted', 0, len);
      },
    };
  }

  #sent(header: VsockHeader, payload: Uint8Array, features: bigint): void {
    const { type, srcPort, dstPort, op } = header;
    const key = keyOf(type, srcPort, dstPort);
    const known = this.#flows.get(key);
    const flow = known ?? new VsockFlow(type === vsockTypes.seqpacket, this.#left.has(key));
    this.#flows.set(key, flow);
    if (op === vsockOps.rst) {
      flow.reset();
      return;
    }
    if (!isNegotiated(type, features)) {
      const isStream = type === vsockTypes.stream;
      flow.owe('rst', isStream ? 'vsock/stream-not-implied' : 'vsock/unknown-type-answered-by-rst');
    } else if (op === vsockOps.request) {
      const { echoPort } = this.#options;
      if (echoPort === undefined) flow.lose();
      flow.asked(header, dstPort === echoPort, this.#flows.size > mostConnections);
    } else flow.sent(header, payload);
  }

  #lend(room: number): Pending {
    const buffer = { room };
    if (room >= VSOCK_HEADER_SIZE) this.#lent.add(buffer);
    return {
      isOwed: false,
      changesNothing: true,
      complete: ({ len, written }) => {
        this.#lent.delete(buffer);
        // A buffer without room for payload may be given back as it is.
        const isGivenBack = len === 0 && room <= VSOCK_HEADER_SIZE;
        if (!this.#isLost && room >= VSOCK_HEADER_SIZE && !isGivenBack) this.#received(written.subarray(0, len));
      },
    };
  }

  #received(bytes: Uint8Array): void {
    const { tell } = this.#options;
    const told = inParts(tell);
    const header = bytes.length < VSOCK_HEADER_SIZE ? undefined : decodeVsockHeader(bytes);
    const payload = bytes.slice(VSOCK_HEADER_SIZE);
    if (header === undefined || header.len !== payload.length) {
      const actual = header === undefined ? `no header in ${bytes.length} bytes` : String(header.len);
      told('vsock/len-is-payload-size', 'len of a packet', String(payload.length), actual);
      return;
    }
    const { type, srcPort, dstPort, srcCid, dstCid } = header;
    const key = keyOf(type, dstPort, srcPort);
    const flow = this.#flows.get(key);
    // Sockets of the host may begin connections.
    if (header.op === vsockOps.request || (flow === undefined && this.#left.has(key))) return;
    const isFrom = srcCid === VSOCK_HOST_CID && dstCid === this.#guestCid;
    if (flow === undefined || !isFrom) {
      const actual = `type ${type} from ${srcCid}:${srcPort} to ${dstCid}:${dstPort}`;
      const what = 'the type and the addresses of a packet';
      told('vsock/replies-address-flow', what, 'those of a flow of the driver, exchanged', actual);
      return;
    }
    flow.received(header, payload, tell);
  }

  #lendForEvent(): Pending {
    return {
      isOwed: false,
      changesNothing: true,
      complete: ({ len, written }) => {
        const id = len < 4 ? undefined : new DataView(written.buffer, written.byteOffset).getUint32(0, true);
        if (id === 0 || len === 0) return;
        const actual = id === undefined ? `${len} bytes` : String(id);
        const requirement = 'vsock/event-is-transport-reset';
        this.#options.tell({ requirement, what: 'the id of an event', expected: '0', actual });
      },
    };
  }
}

/** So many connections every device has room for. */
const mostConnections = 16;

/** Whether a driver with these features may use a type of socket (virtio 5.10.3). */
function isNegotiated(type: number, features: bigint): boolean {
  const has = (feature: bigint): boolean => (features & feature) !== 0n;
  if (type === vsockTypes.seqpacket) return has(VIRTIO_VSOCK_F_SEQPACKET);
  if (type !== vsockTypes.stream) return false;
  const isImplied = !has(VIRTIO_VSOCK_F_SEQPACKET) || !has(VIRTIO_VSOCK_F_NO_IMPLIED_STREAM);
  return has(VIRTIO_VSOCK_F_STREAM) || isImplied;
}
