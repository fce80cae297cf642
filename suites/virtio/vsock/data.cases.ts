import { VSOCK_HEADER_SIZE, vsockSeq, vsockTypes } from '../../../reference-impl/devices/vsock-layout.ts';
import { defineCase } from '../../case.ts';
import { clientOn, echoPortOf, withEcho } from './sockets.ts';
import { contents, operationOf, receiveSize, type VsockClient } from './vsock-client.ts';

/** What packets carry (virtio 5.10.6), and how queues depend on each other (5.10.6.1). */

export const inOrder = defineCase({
  id: 'virtio/vsock/stream-carries-all-bytes-in-order',
  title: 'data of several packets come back byte for byte, also more than the buffer of the device holds',
  proves: { 'vsock/stream-data-in-order': ['vsock-last-byte-lost', 'vsock-bytes-turned-round'] },
  applies: withEcho,
  variants: { bytes: [1, 5000, 200_000] },
  run(context) {
    const check = context.requirement('vsock/stream-data-in-order');
    const client = clientOn(context, check);
    const flow = client.connected(check, echoPortOf(context.port.facts));
    const data = contents(context.variant.bytes, 5);
    check.bytesEqual(client.exchanged(flow, data), data, `${data.length} bytes that come back`);
    client.end();
  },
});

export const lengths = defineCase({
  id: 'virtio/vsock/len-counts-payload',
  title: 'len of each packet is the length that its buffer is used with, less the header',
  proves: { 'vsock/len-is-payload-size': 'vsock-len-with-header' },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/len-is-payload-size');
    const client = clientOn(context, check);
    const flow = client.flow(echoPortOf(context.port.facts));
    client.send(flow, 'request');
    const response = client.next(flow);
    check.presumes(operationOf(response) === 'response', 'the connection is established');
    check.equal(response.len, response.usedLen - VSOCK_HEADER_SIZE, 'len of RESPONSE');
    for (const bytes of [1, 100, 4096]) {
      const data = contents(bytes, 6);
      client.sendData(flow, data);
      client.receiveData(flow, bytes, ({ len, usedLen }) => {
        check.equal(len, usedLen - VSOCK_HEADER_SIZE, `len of RW, of ${bytes} bytes that were sent`);
      });
      client.tellCredit(flow);
    }
    client.end();
  },
});

export const longerBuffer = defineCase({
  id: 'virtio/vsock/payload-ends-at-len',
  title: 'of a packet whose buffer goes on behind its payload, len bytes come back',
  proves: { 'vsock/payload-ends-at-len': 'vsock-payload-fills-buffer' },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/payload-ends-at-len');
    const client = clientOn(context, check);
    const flow = client.connected(check, echoPortOf(context.port.facts));
    const [first, second] = [contents(10, 7), contents(20, 8)];
    client.send(flow, 'rw', { payload: first, behind: 54 });
    client.send(flow, 'rw', { payload: second });
    const both = Buffer.concat([first, second]);
    check.bytesEqual(client.receiveData(flow, both.length), both, 'data of both packets');
    client.end();
  },
});

export const keptApart = defineCase({
  id: 'virtio/vsock/flows-are-kept-apart',
  title: 'of two connections to one port, each gives back what was sent on it, in turns',
  proves: { 'vsock/flows-kept-apart': 'vsock-flows-by-destination' },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/flows-kept-apart');
    const client = clientOn(context, check);
    const port = echoPortOf(context.port.facts);
    const flows = [client.connected(check, port), client.flow(port)];
    for (const second of flows.slice(1)) {
      client.send(second, 'request');
      const answer = operationOf(client.next(second));
      if (!check.equal(answer, 'response', 'operation of the answer to REQUEST from another port')) return;
    }
    for (let n = 0; n < 3; n++) {
      for (const [at, flow] of flows.entries()) client.send(flow, 'rw', { payload: contents(100, 16 * n + at) });
    }
    for (const [at, flow] of flows.entries()) {
      const sent = Buffer.concat([0, 1, 2].map((n) => contents(100, 16 * n + at)));
      check.bytesEqual(client.receiveData(flow, sent.length), sent, `data that come back on connection ${at}`);
    }
    client.end();
  },
});

export const withoutReceiveBuffers = defineCase({
  id: 'virtio/vsock/tx-goes-on-without-rx-buffers',
  title: 'packets are taken while the receive queue has no buffer, and are answered once it has',
  proves: { 'vsock/tx-processed-while-rx-full': 'vsock-tx-waits-for-rx' },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/tx-processed-while-rx-full');
    const client = clientOn(context, check, false);
    const flows = [0, 1, 2, 3].map(() => client.flow(echoPortOf(context.port.facts)));
    for (const flow of flows) client.send(flow, 'request');
    client.giveBuffers();
    for (const [n, flow] of flows.entries()) {
      check.equal(operationOf(client.next(flow)), 'response', `operation of the answer to REQUEST ${n}`);
    }
    client.end();
  },
});

/** One message, cut into packets; the flags of each that came back. */
function flagsOfMessage(
  client: VsockClient,
  port: number,
  check: Parameters<VsockClient['connected']>[0],
  end: number,
) {
  const flow = client.connected(check, port, vsockTypes.seqpacket);
  // The receive buffers have room for less than a packet of these.
  const packets = [contents(3000, 9), contents(receiveSize + 1000, 10), contents(5, 11)];
  const ends: { readonly at: number; readonly flags: number }[] = [];
  let at = 0;
  for (let n = 0; n < 2; n++) {
    for (const [index, payload] of packets.entries()) {
      client.send(flow, 'rw', { payload, flags: index === packets.length - 1 ? end : 0 });
    }
    const bytes = packets.reduce((total, { length }) => total + length, 0);
    client.receiveData(flow, bytes, ({ payload, flags }) => {
      at += payload.length;
      if (flags !== 0) ends.push({ at, flags });
    });
    client.tellCredit(flow);
  }
  const bytes = at / 2;
  return { ends, whole: [bytes, 2 * bytes] };
}

export const messages = defineCase({
  id: 'virtio/vsock/messages-end-with-eom',
  title: 'of each message that comes back in several packets, the last packet has VIRTIO_VSOCK_SEQ_EOM',
  proves: { 'vsock/message-ends-with-eom': ['vsock-message-without-end', 'vsock-each-packet-ends-a-message'] },
  applies: { ...withEcho, negotiate: ['VIRTIO_VSOCK_F_SEQPACKET'] },
  run(context) {
    const check = context.requirement('vsock/message-ends-with-eom');
    const client = clientOn(context, check);
    const end = vsockSeq.endOfMessage;
    const { ends, whole } = flagsOfMessage(client, echoPortOf(context.port.facts), check, end);
    const found = ends.filter(({ flags }) => (flags & end) !== 0).map(({ at }) => at);
    check.sameSequence(found, whole, 'bytes received up to each VIRTIO_VSOCK_SEQ_EOM');
    client.end();
  },
});

export const records = defineCase({
  id: 'virtio/vsock/records-end-with-eor',
  title: 'of each record that comes back, the last packet has VIRTIO_VSOCK_SEQ_EOR',
  proves: { 'vsock/record-ends-with-eor': 'vsock-record-without-end' },
  applies: { ...withEcho, negotiate: ['VIRTIO_VSOCK_F_SEQPACKET'] },
  run(context) {
    const check = context.requirement('vsock/record-ends-with-eor');
    const client = clientOn(context, check);
    const end = vsockSeq.endOfMessage | vsockSeq.endOfRecord;
    const { ends, whole } = flagsOfMessage(client, echoPortOf(context.port.facts), check, end);
    const found = ends.filter(({ flags }) => (flags & vsockSeq.endOfRecord) !== 0).map(({ at }) => at);
    check.sameSequence(found, whole, 'bytes received up to each VIRTIO_VSOCK_SEQ_EOR');
    client.end();
  },
});
