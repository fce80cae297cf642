import type { Session } from '../../../drivers/port/port.ts';
import {
  encodeVsockPacket,
  VSOCK_HEADER_SIZE,
  VSOCK_HOST_CID,
  type VsockHeader,
  type VsockOperation,
  vsockOps,
  vsockTypes,
} from '../../../reference-impl/devices/vsock-layout.ts';
import { readable } from '../../../reference-impl/virtqueue/segment.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import type { Check } from '../../check.ts';
import { runningQueue } from '../running-queue.ts';
import { echoPortOf, withEcho } from './sockets.ts';
import { contents, operationOf, VsockClient } from './vsock-client.ts';

/** Packets and buffers that no driver may give: the text leaves open what becomes of them, a device must only survive. */

interface Flaw {
  readonly header?: Partial<VsockHeader>;
  readonly operation?: VsockOperation;
  readonly payload?: Uint8Array;
  /** Bytes of the packet that are there. */
  readonly bytes?: number;
  /** On a connection that is established; without one else. */
  readonly isConnected?: boolean;
}

const manyBytes = 0x1_0000;

/** By what is wrong with each. */
const flaws: Readonly<Record<string, Flaw>> = {
  'header-of-1-byte': { bytes: 1 },
  'header-of-43-bytes': { bytes: VSOCK_HEADER_SIZE - 1 },
  'len-of-more-than-is-there': { operation: 'rw', header: { len: 100 }, payload: contents(8, 1), isConnected: true },
  'len-of-4-gib': { operation: 'rw', header: { len: 0xffff_ffff }, payload: contents(8, 1), isConnected: true },
  'len-without-payload': { operation: 'rw', header: { len: 4096 }, isConnected: true },
  'request-with-payload': { operation: 'request', payload: contents(8, 1) },
  'operation-invalid': { operation: 'invalid' },
  'operation-invalid-on-connection': { operation: 'invalid', isConnected: true },
  'operation-8': { header: { op: 8 } },
  'operation-8-on-connection': { header: { op: 8 }, isConnected: true },
  'operation-of-all-ones': { header: { op: 0xffff } },
  'response-to-no-request': { operation: 'response' },
  'response-on-connection': { operation: 'response', isConnected: true },
  'second-request': { operation: 'request', isConnected: true },
  'reset-of-no-connection': { operation: 'rst' },
  'source-of-another-guest': { header: { srcCid: 0x1234n } },
  'source-is-the-host': { header: { srcCid: VSOCK_HOST_CID } },
  'source-of-64-bits': { header: { srcCid: 0x1_0000_0004n } },
  'destination-is-no-one': { header: { dstCid: 0x1234n } },
  'destination-is-the-guest-itself': { header: { dstCid: 4n } },
  'destination-of-64-bits': { header: { dstCid: 0x1_0000_0002n } },
  'destination-of-all-ones': { header: { dstCid: 0xffff_ffff_ffff_ffffn } },
  'type-zero-on-connection': { operation: 'rw', header: { type: 0 }, isConnected: true },
  'more-data-than-the-buffer-of-the-device': {
    operation: 'rw',
    payload: contents(manyBytes + 1, 1),
    isConnected: true,
  },
  'fwd-cnt-of-more-than-was-sent': { operation: 'creditUpdate', header: { fwdCnt: 0xffff_0000 }, isConnected: true },
  'buffer-of-no-bytes': { operation: 'rw', header: { bufAlloc: 0 }, payload: contents(8, 1), isConnected: true },
  'shutdown-with-unknown-hints': { operation: 'shutdown', header: { flags: 0xffff_fffc }, isConnected: true },
};

type Opening = Pick<CaseContext<string, VariantAxes>, 'connect' | 'driverOf' | 'ring' | 'guest' | 'port'>;

/** A client on a session of its own. */
function opened(context: Opening, check: Check): { readonly session: Session; readonly client: VsockClient } {
  const { session, driver, queue } = runningQueue(context, { size: 64 });
  return { session, client: new VsockClient({ session, driver, guest: context.guest, tx: queue }, check) };
}

/** A socket still connects, on a fresh session. */
function connectsAfresh(context: Opening, check: Check, what: string): void {
  const { session, client } = opened(context, check);
  client.giveBuffers();
  const flow = client.flow(echoPortOf(context.port.facts));
  client.send(flow, 'request');
  check.equal(operationOf(client.next(flow)), 'response', `operation of the answer to REQUEST ${what}`);
  client.end();
  session.close();
}

export const flawed = defineCase({
  id: 'virtio/vsock/flawed-packets-are-survived',
  title: 'packets whose header, lengths, addresses or state do not fit are survived, on connections and without one',
  proves: { 'vsock/flawed-packet-survived': 'vsock-flawed-packet-aborts' },
  applies: { ...withEcho, start: 'closed' },
  run(context) {
    const { guest, points, port, requirement } = context;
    const check = requirement('vsock/flawed-packet-survived');
    const keys = Object.keys(flaws).map((key) => ({ key }));
    points(keys, ({ key }) => {
      const { session, client } = opened(context, check);
      client.giveBuffers();
      const { operation = 'request', header = {}, payload = new Uint8Array(), bytes, isConnected } = flaws[key] ?? {};
      const to = echoPortOf(port.facts);
      const flow = isConnected === true ? client.connected(check, to) : client.flow(to);
      check.isBesideText = true;
      const own = {
        srcCid: client.guestCid,
        dstCid: VSOCK_HOST_CID,
        srcPort: flow.port,
        dstPort: to,
        len: payload.length,
        type: vsockTypes.stream,
        op: vsockOps[operation],
        flags: 0,
        bufAlloc: flow.bufAlloc,
        fwdCnt: 0,
      };
      const packet = encodeVsockPacket({ ...own, ...header }, payload).subarray(0, bytes);
      const span = guest.allocate({ size: packet.length });
      span.store(packet);
      const head = readable(span.slice(0, Math.min(VSOCK_HEADER_SIZE, packet.length)));
      const isLonger = packet.length > VSOCK_HEADER_SIZE;
      client.tx.makeAvailable([isLonger ? [head, readable(span.slice(VSOCK_HEADER_SIZE))] : [head]]);
      client.tx.kick();
      // A device may leave such a packet, and its ring, alone.
      if (session.isOpen) session.fence();
      if (session.isOpen) client.tx.stop();
      if (session.isOpen) client.rx.stop();
      session.close();
      connectsAfresh(context, check, `after ${key}`);
    });
  },
});

export const smallBuffers = defineCase({
  id: 'virtio/vsock/small-receive-buffers-are-survived',
  title: 'receive buffers of less than a header, or with no room behind one, are survived, and packets come in others',
  proves: { 'vsock/small-receive-buffer-survived': 'vsock-small-buffer-aborts' },
  applies: { ...withEcho, start: 'closed' },
  run(context) {
    const { points, port, requirement } = context;
    const check = requirement('vsock/small-receive-buffer-survived');
    const sizes = [1, 4, VSOCK_HEADER_SIZE - 1, VSOCK_HEADER_SIZE].map((size) => ({ key: `${size}-bytes`, size }));
    points(sizes, ({ key, size }) => {
      const { session, client } = opened(context, check);
      check.isBesideText = true;
      client.giveBuffers(2, size);
      const flow = client.flow(echoPortOf(port.facts));
      client.send(flow, 'request');
      client.send(flow, 'rw', { payload: contents(8, 2) });
      if (session.isOpen) session.fence();
      if (session.isOpen) client.tx.stop();
      if (session.isOpen) client.rx.stop();
      session.close();
      connectsAfresh(context, check, `after buffers of ${key}`);
    });
  },
});
