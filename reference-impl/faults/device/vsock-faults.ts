import {
  VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
  VIRTIO_VSOCK_F_SEQPACKET,
  VIRTIO_VSOCK_F_STREAM,
  VSOCK_HEADER_SIZE,
  VSOCK_HOST_CID,
  type VsockHeader,
  vsockOps,
  vsockSeq,
  vsockTypes,
} from '../../devices/vsock-layout.ts';
import { gather } from '../../memory/pieces.ts';
import { BrokenDown } from '../../vhost-user/back-end-edge.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inDevice } from './device-fault.ts';

const inVsock = (entries: Parameters<typeof inDevice<'vsock'>>[1]) => inDevice('vsock', entries);

/** What is sent is changed where it has one of these operations; with undefined it is not sent. */
const sending = (ops: readonly number[], change: (header: VsockHeader) => VsockHeader | undefined) =>
  inVsock({ sent: (header) => (ops.includes(header.op) ? change(header) : header) });

const streamBits = VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_SEQPACKET | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM;
/** Packets that tell of the buffer of a socket. */
const ofConnection = [vsockOps.response, vsockOps.rw, vsockOps.creditUpdate] as const;

/** Sockets and packets of a socket device. */
export const vsockFaults = {
  'vsock-cid-of-64-bits': deviceFault(
    'vsock/guest-cid-upper-bits-zero',
    'guest_cid has a bit above the lower 32',
    inVsock({ toldCid: (cid) => cid | (1n << 40n) }),
  ),
  'vsock-cid-of-host': deviceFault(
    'vsock/guest-cid-not-reserved',
    'guest_cid is that of the host',
    inVsock({ toldCid: () => VSOCK_HOST_CID }),
  ),
  'vsock-cid-of-all-ones': deviceFault(
    'vsock/guest-cid-not-reserved',
    'guest_cid is 0xffffffff',
    inVsock({ toldCid: () => 0xffff_ffffn }),
  ),
  'vsock-implies-stream': deviceFault(
    'vsock/no-implied-stream-offered',
    'NO_IMPLIED_STREAM is not offered',
    inVsock({ offered: (features) => features & ~VIRTIO_VSOCK_F_NO_IMPLIED_STREAM }),
  ),
  'vsock-stream-wants-its-bit': deviceFault(
    'vsock/stream-without-feature-bits',
    'without VIRTIO_VSOCK_F_STREAM there are no streams',
    inVsock({
      knowsType: (type, isNegotiated, features) =>
        isNegotiated && (type !== vsockTypes.stream || (features & streamBits) !== 0n),
    }),
  ),
  'vsock-bit-forbids-stream': deviceFault(
    'vsock/stream-with-feature-bit',
    'with VIRTIO_VSOCK_F_STREAM alone there are no streams',
    inVsock({
      knowsType: (type, isNegotiated, features) =>
        isNegotiated && (type !== vsockTypes.stream || (features & streamBits) !== VIRTIO_VSOCK_F_STREAM),
    }),
  ),
  'vsock-stream-implied-always': deviceFault(
    'vsock/stream-not-implied',
    'streams are served, whatever was negotiated',
    inVsock({ knowsType: (type, isNegotiated) => isNegotiated || type === vsockTypes.stream }),
  ),
  'vsock-len-with-header': deviceFault(
    'vsock/len-is-payload-size',
    'len of RESPONSE counts the header',
    sending([vsockOps.response], (header) => ({ ...header, len: VSOCK_HEADER_SIZE })),
  ),
  'vsock-payload-fills-buffer': deviceFault(
    'vsock/payload-ends-at-len',
    'all that stands behind a header is payload, whatever len says',
    inVsock({ payloadLength: (len, given) => Math.max(len, given) }),
  ),
  'vsock-tx-waits-for-rx': deviceFault(
    'vsock/tx-processed-while-rx-full',
    'the transmit queue is left alone while a packet waits for a receive buffer',
    inVsock({ held: 1 }),
  ),
  'vsock-ports-not-exchanged': deviceFault(
    'vsock/replies-address-flow',
    'CREDIT_UPDATE has the source port of the driver as its own',
    sending([vsockOps.creditUpdate], (header) => ({ ...header, srcPort: header.dstPort })),
  ),
  'vsock-source-cid-of-guest': deviceFault(
    'vsock/replies-address-flow',
    'RST has the CID of the guest as its source',
    sending([vsockOps.rst], (header) => ({ ...header, srcCid: header.dstCid })),
  ),
  'vsock-type-zero': deviceFault(
    'vsock/replies-address-flow',
    'RESPONSE has no type',
    sending([vsockOps.response], (header) => ({ ...header, type: 0 })),
  ),
  'vsock-flows-by-destination': deviceFault(
    'vsock/flows-kept-apart',
    'connections are told apart by their port of the host alone',
    inVsock({ flowOf: ({ type, dstPort }) => `${type} ${dstPort}` }),
  ),
  'vsock-last-byte-lost': deviceFault(
    'vsock/stream-data-in-order',
    'the last byte of a packet with a page of payload is lost, and the one ahead of it comes twice',
    inVsock({
      carried: (payload) =>
        payload.length < 4096
          ? payload
          : Uint8Array.from(payload, (byte, at) => payload[at === 4095 ? 4094 : at] ?? byte),
    }),
  ),
  'vsock-bytes-turned-round': deviceFault(
    'vsock/stream-data-in-order',
    'bytes of a packet with more than 4000 come in reverse',
    inVsock({ carried: (payload) => (payload.length > 4000 ? payload.slice().reverse() : payload) }),
  ),
  'vsock-credit-request-unanswered': deviceFault(
    'vsock/credit-request-answered',
    'CREDIT_REQUEST is not answered',
    sending([vsockOps.creditUpdate], () => undefined),
  ),
  'vsock-buffer-of-no-bytes': deviceFault(
    'vsock/credit-fields-valid',
    'buf_alloc of CREDIT_UPDATE is 0',
    sending([vsockOps.creditUpdate], (header) => ({ ...header, bufAlloc: 0 })),
  ),
  'vsock-counts-nothing': deviceFault(
    'vsock/credit-fields-valid',
    'fwd_cnt of CREDIT_UPDATE is 0',
    sending([vsockOps.creditUpdate], (header) => ({ ...header, fwdCnt: 0 })),
  ),
  'vsock-counts-twice': deviceFault(
    'vsock/credit-fields-valid',
    'fwd_cnt counts each byte twice',
    sending([...ofConnection], (header) => ({ ...header, fwdCnt: (2 * header.fwdCnt) >>> 0 })),
  ),
  'vsock-fills-any-buffer': deviceFault(
    'vsock/data-within-free-space',
    'RW is sent whatever buffer the driver told',
    inVsock({ freeSpace: () => 0x1_0000 }),
  ),
  'vsock-credit-counts-once': deviceFault(
    'vsock/data-within-free-space',
    'what was sent before is not taken off the free space',
    inVsock({ freeSpace: ({ bufAlloc }) => bufAlloc }),
  ),
  'vsock-unknown-type-ignored': deviceFault(
    'vsock/unknown-type-answered-by-rst',
    'a packet whose type is not known is not answered',
    inVsock({
      sent: (header) =>
        header.op === vsockOps.rst && header.type !== vsockTypes.stream && header.type !== vsockTypes.seqpacket
          ? undefined
          : header,
    }),
  ),
  'vsock-any-type-is-a-stream': deviceFault(
    'vsock/unknown-type-answered-by-rst',
    'packets whose type is not known are those of a stream',
    inVsock({ knowsType: (type, isNegotiated) => isNegotiated || type === 0 || type > vsockTypes.seqpacket }),
  ),
  'vsock-request-unanswered': deviceFault(
    'vsock/connection-established',
    'a socket accepts, and REQUEST is not answered',
    sending([vsockOps.response], () => undefined),
  ),
  'vsock-refuses-all': deviceFault(
    'vsock/connection-established',
    'no socket listens, on whatever port',
    inVsock({ listens: () => false }),
  ),
  'vsock-refuses-silently': deviceFault(
    'vsock/connection-refused-without-listener',
    'RST to a REQUEST for a port at which no socket listens is not sent',
    sending([vsockOps.rst], () => undefined),
  ),
  'vsock-listens-everywhere': deviceFault(
    'vsock/connection-refused-without-listener',
    'a socket listens at each port',
    inVsock({ listens: () => true }),
  ),
  'vsock-full-and-silent': deviceFault(
    'vsock/connection-refused-without-resources',
    'REQUEST is not answered while there is no room for another connection',
    inVsock({ refusesWhenFull: () => false }),
  ),
  'vsock-header-from-first-descriptor': deviceFault(
    'split/any-framing-handled',
    'the header of a packet for a socket is what the first descriptor holds of it, and zero behind that',
    inVsock({
      gathered: (pieces, most) =>
        gather(pieces, 0, most).map((byte, at) =>
          at < VSOCK_HEADER_SIZE && at >= (pieces[0]?.length ?? 0) ? 0 : byte,
        ),
    }),
  ),
  'vsock-last-hint-alone': deviceFault(
    'vsock/shutdown-hints-permanent',
    'the hints of a SHUTDOWN take the place of those before',
    inVsock({ hints: (_, now) => now }),
  ),
  'vsock-shutdown-unanswered': deviceFault(
    'vsock/shutdown-answered-by-rst',
    'SHUTDOWN with both hints does nothing',
    inVsock({ hints: (before, now) => (now === 3 ? before : before | now) }),
  ),
  'vsock-rst-ignored': deviceFault(
    'vsock/rst-disconnects',
    'RST does not end a connection',
    inVsock({ endsAtReset: () => false }),
  ),
  'vsock-stranger-ignored': deviceFault(
    'vsock/stranger-answered-by-rst',
    'a packet for no connection is not answered',
    inVsock({ answersStranger: () => false }),
  ),
  'vsock-message-without-end': deviceFault(
    'vsock/message-ends-with-eom',
    'no packet has VIRTIO_VSOCK_SEQ_EOM',
    inVsock({ endFlags: (flags) => flags & ~vsockSeq.endOfMessage }),
  ),
  'vsock-each-packet-ends-a-message': deviceFault(
    'vsock/message-ends-with-eom',
    'the end of each packet that came has VIRTIO_VSOCK_SEQ_EOM',
    inVsock({ endFlags: (flags) => flags | vsockSeq.endOfMessage }),
  ),
  'vsock-record-without-end': deviceFault(
    'vsock/record-ends-with-eor',
    'no packet has VIRTIO_VSOCK_SEQ_EOR',
    inVsock({ endFlags: (flags) => flags & ~vsockSeq.endOfRecord }),
  ),
  'vsock-event-of-no-id': deviceFault(
    'vsock/event-is-transport-reset',
    'an event of an unknown id comes with each connection',
    inVsock({ eventOnConnect: 7 }),
  ),
  'vsock-flawed-packet-aborts': deviceFault(
    'vsock/flawed-packet-survived',
    'it aborts at a packet whose lengths, addresses or operation do not fit',
    inVsock({
      flawed: () => {
        throw new BrokenDown('abort');
      },
    }),
  ),
  'vsock-small-buffer-aborts': deviceFault(
    'vsock/small-receive-buffer-survived',
    'it aborts at a receive buffer without room for a packet',
    inVsock({
      tooSmall: () => {
        throw new BrokenDown('abort');
      },
    }),
  ),
} as const satisfies Record<string, DeviceFault>;
