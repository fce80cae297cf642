import { vsockTypes } from '../../../reference-impl/devices/vsock-layout.ts';
import { defineCase } from '../../case.ts';
import { clientOn, echoPortOf, withEcho } from './sockets.ts';
import { operationOf } from './vsock-client.ts';

/** Which types of sockets connect with which features (virtio 5.10.3). */

const allBits = ['VIRTIO_VSOCK_F_STREAM', 'VIRTIO_VSOCK_F_SEQPACKET', 'VIRTIO_VSOCK_F_NO_IMPLIED_STREAM'] as const;

export const withoutBits = defineCase({
  id: 'virtio/vsock/stream-without-feature-bits',
  title: 'with no feature of the socket device negotiated, a stream socket connects',
  proves: { 'vsock/stream-without-feature-bits': 'vsock-stream-wants-its-bit' },
  applies: { ...withEcho, without: allBits },
  run(context) {
    const check = context.requirement('vsock/stream-without-feature-bits');
    const client = clientOn(context, check);
    const flow = client.flow(echoPortOf(context.port.facts));
    client.send(flow, 'request');
    check.equal(operationOf(client.next(flow)), 'response', 'operation of the answer to REQUEST');
    client.end();
  },
});

export const withBit = defineCase({
  id: 'virtio/vsock/stream-with-its-feature-bit',
  title: 'with VIRTIO_VSOCK_F_STREAM negotiated, a stream socket connects',
  proves: { 'vsock/stream-with-feature-bit': 'vsock-bit-forbids-stream' },
  applies: { ...withEcho, negotiate: ['VIRTIO_VSOCK_F_STREAM'] },
  run(context) {
    const check = context.requirement('vsock/stream-with-feature-bit');
    const client = clientOn(context, check);
    const flow = client.flow(echoPortOf(context.port.facts));
    client.send(flow, 'request');
    check.equal(operationOf(client.next(flow)), 'response', 'operation of the answer to REQUEST');
    client.end();
  },
});

export const notImplied = defineCase({
  id: 'virtio/vsock/stream-is-not-implied',
  title: 'with SEQPACKET and NO_IMPLIED_STREAM, and without STREAM, REQUEST of a stream is answered by RST',
  proves: { 'vsock/stream-not-implied': 'vsock-stream-implied-always' },
  applies: {
    ...withEcho,
    negotiate: ['VIRTIO_VSOCK_F_SEQPACKET', 'VIRTIO_VSOCK_F_NO_IMPLIED_STREAM'],
    without: ['VIRTIO_VSOCK_F_STREAM'],
  },
  run(context) {
    const check = context.requirement('vsock/stream-not-implied');
    const client = clientOn(context, check);
    client.connected(check, echoPortOf(context.port.facts), vsockTypes.seqpacket);
    const flow = client.flow(echoPortOf(context.port.facts));
    client.send(flow, 'request');
    check.equal(operationOf(client.next(flow)), 'rst', 'operation of the answer to REQUEST of a stream');
    client.end();
  },
});
