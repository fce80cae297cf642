import { VSOCK_HOST_CID, vsockShutdown, vsockTypes } from '../../../reference-impl/devices/vsock-layout.ts';
import { defineCase } from '../../case.ts';
import { clientOn, closedPortOf, echoPortOf, withEcho } from './sockets.ts';
import { contents, type Flow, operationOf, type ReceivedPacket } from './vsock-client.ts';

/** How connections of stream sockets begin and end (virtio 5.10.6.5), and addresses of their packets (5.10.6.2). */

export const refused = defineCase({
  id: 'virtio/vsock/refused-without-listener',
  title: 'REQUEST to a port at which no socket listens is answered by RST',
  proves: {
    'vsock/connection-refused-without-listener': ['vsock-refuses-silently', 'vsock-listens-everywhere'],
  },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/connection-refused-without-listener');
    const client = clientOn(context, check);
    const connection = client.connected(check, echoPortOf(context.port.facts));
    const flow = client.flow(closedPortOf(context.port.facts));
    client.send(flow, 'request');
    check.equal(operationOf(client.owed(flow, connection)), 'rst', 'operation of the answer to REQUEST');
    client.end();
  },
});

/** More than hosts have room for, or less. */
const manyRequests = 100;

export const refusedWithoutRoom = defineCase({
  id: 'virtio/vsock/refused-for-want-of-room',
  title: `of ${manyRequests} REQUESTs, from as many ports, the first without RESPONSE is answered by RST`,
  proves: { 'vsock/connection-refused-without-resources': 'vsock-full-and-silent' },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/connection-refused-without-resources');
    const client = clientOn(context, check);
    const port = echoPortOf(context.port.facts);
    const connection = client.connected(check, port);
    for (let n = 0; n < manyRequests; n++) {
      const flow = client.flow(port);
      client.send(flow, 'request');
      const answer = operationOf(client.owed(flow, connection));
      check.oneOf(answer, ['response', 'rst'], `operation of the answer to REQUEST ${n}`);
      if (answer !== 'response') break;
      if (n === manyRequests - 1) check.inconclusive(`the host has room for ${manyRequests} connections more`);
    }
    client.end();
  },
});

export const established = defineCase({
  id: 'virtio/vsock/listener-accepts',
  title: 'REQUEST to a port at which a socket listens is answered by RESPONSE, and data then come back from it',
  proves: { 'vsock/connection-established': ['vsock-request-unanswered', 'vsock-refuses-all'] },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/connection-established');
    const client = clientOn(context, check);
    const flow = client.flow(echoPortOf(context.port.facts));
    client.send(flow, 'request');
    check.equal(operationOf(client.next(flow)), 'response', 'operation of the answer to REQUEST');
    const data = contents(16, 1);
    client.send(flow, 'rw', { payload: data });
    check.bytesEqual(client.receiveData(flow, data.length), data, 'data that come back');
    client.end();
  },
});

export const addresses = defineCase({
  id: 'virtio/vsock/packets-have-the-address-of-their-flow',
  title: 'RST, RESPONSE, RW and CREDIT_UPDATE go from the address that the driver sent to, to the one it sent from',
  proves: {
    'vsock/replies-address-flow': ['vsock-ports-not-exchanged', 'vsock-source-cid-of-guest', 'vsock-type-zero'],
  },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/replies-address-flow');
    const client = clientOn(context, check);
    const same = (flow: Flow, packet: ReceivedPacket, what: string): void => {
      check.equal(packet.srcCid, VSOCK_HOST_CID, `src_cid of ${what}`);
      check.equal(packet.dstCid, client.guestCid, `dst_cid of ${what}`);
      check.equal(packet.srcPort, flow.to, `src_port of ${what}`);
      check.equal(packet.dstPort, flow.port, `dst_port of ${what}`);
      check.equal(packet.type, vsockTypes.stream, `type of ${what}`);
    };
    const flow = client.flow(echoPortOf(context.port.facts));
    client.send(flow, 'request');
    same(flow, client.next(flow), 'the answer to REQUEST');
    client.send(flow, 'rw', { payload: contents(8, 2) });
    client.receiveData(flow, 8, (packet) => same(flow, packet, 'RW'));
    client.send(flow, 'creditRequest');
    same(flow, client.next(flow), 'the answer to CREDIT_REQUEST');
    client.send(flow, 'shutdown', { flags: vsockShutdown.both });
    same(flow, client.answer(flow), 'the answer to SHUTDOWN');
    client.end();
  },
});

export const shutDown = defineCase({
  id: 'virtio/vsock/shutdown-is-answered',
  title: 'SHUTDOWN with both hints is answered by RST, and the ports connect once more',
  proves: { 'vsock/shutdown-answered-by-rst': 'vsock-shutdown-unanswered' },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/shutdown-answered-by-rst');
    const client = clientOn(context, check);
    const flow = client.connected(check, echoPortOf(context.port.facts));
    client.send(flow, 'shutdown', { flags: vsockShutdown.both });
    check.equal(operationOf(client.answer(flow)), 'rst', 'operation of the answer to SHUTDOWN');
    client.send(flow, 'request');
    check.equal(operationOf(client.answer(flow)), 'response', 'operation of the answer to another REQUEST');
    client.end();
  },
});

export const hints = defineCase({
  id: 'virtio/vsock/shutdown-hints-add-up',
  title: 'SHUTDOWN with one hint and then with the other is answered by RST: the first one stays',
  proves: { 'vsock/shutdown-hints-permanent': 'vsock-last-hint-alone' },
  applies: withEcho,
  variants: { first: ['receive', 'send'] },
  run(context) {
    const check = context.requirement('vsock/shutdown-hints-permanent');
    const client = clientOn(context, check);
    const port = echoPortOf(context.port.facts);
    const connection = client.connected(check, port);
    const flow = client.connected(check, port);
    const order = context.variant.first === 'send' ? (['send', 'receive'] as const) : (['receive', 'send'] as const);
    for (const hint of order) client.send(flow, 'shutdown', { flags: vsockShutdown[hint] });
    // The socket may shut down its own side at the first one.
    let packet = client.owed(flow, connection);
    if (operationOf(packet) === 'shutdown') packet = client.owed(flow, connection);
    check.equal(operationOf(packet), 'rst', `operation of the answer to SHUTDOWN with ${order.join(' and with ')}`);
    client.end();
  },
});

export const reset = defineCase({
  id: 'virtio/vsock/rst-ends-a-connection',
  title: 'behind RST the same ports connect once more, and data of the connection before do not come',
  proves: { 'vsock/rst-disconnects': 'vsock-rst-ignored' },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/rst-disconnects');
    const client = clientOn(context, check);
    const flow = client.connected(check, echoPortOf(context.port.facts));
    client.send(flow, 'rst');
    flow.sent = flow.received = flow.fwdCnt = 0;
    client.send(flow, 'request');
    check.equal(operationOf(client.answer(flow)), 'response', 'operation of the answer to REQUEST behind RST');
    const data = contents(16, 3);
    client.send(flow, 'rw', { payload: data });
    check.bytesEqual(client.receiveData(flow, data.length), data, 'data that come back on the new connection');
    client.end();
  },
});

export const stranger = defineCase({
  id: 'virtio/vsock/stranger-is-reset',
  title: 'RW, CREDIT_REQUEST and SHUTDOWN for a connection that does not exist are answered by RST',
  proves: { 'vsock/stranger-answered-by-rst': 'vsock-stranger-ignored' },
  applies: withEcho,
  variants: { operation: ['rw', 'creditRequest', 'shutdown'] },
  run(context) {
    const check = context.requirement('vsock/stranger-answered-by-rst');
    const client = clientOn(context, check);
    const connection = client.connected(check, echoPortOf(context.port.facts));
    const flow = client.flow(echoPortOf(context.port.facts));
    const operation = context.variant.operation as 'rw' | 'creditRequest' | 'shutdown';
    const payload = operation === 'rw' ? contents(8, 4) : new Uint8Array();
    client.send(flow, operation, { payload, flags: operation === 'shutdown' ? vsockShutdown.both : 0 });
    check.equal(operationOf(client.owed(flow, connection)), 'rst', `operation of the answer to ${operation}`);
    client.end();
  },
});

export const unknownType = defineCase({
  id: 'virtio/vsock/unknown-type-is-reset',
  title: 'REQUEST and RW with a type that is no socket type are answered by RST',
  proves: { 'vsock/unknown-type-answered-by-rst': ['vsock-unknown-type-ignored', 'vsock-any-type-is-a-stream'] },
  applies: withEcho,
  variants: { type: [0, 3, 0xffff] },
  run(context) {
    const check = context.requirement('vsock/unknown-type-answered-by-rst');
    const client = clientOn(context, check);
    const connection = client.connected(check, echoPortOf(context.port.facts));
    for (const operation of ['request', 'rw'] as const) {
      const flow = client.flow(echoPortOf(context.port.facts), context.variant.type);
      client.send(flow, operation);
      const answer = operationOf(client.owed(flow, connection));
      check.equal(answer, 'rst', `operation of the answer to ${operation} of that type`);
    }
    client.end();
  },
});
