import { defineCase } from '../../case.ts';
import { clientOn, echoPortOf, withEcho } from './sockets.ts';
import { contents, operationOf } from './vsock-client.ts';

/** Buffer space of stream sockets (virtio 5.10.6.3). */

export const requested = defineCase({
  id: 'virtio/vsock/credit-request-is-answered',
  title: 'CREDIT_REQUEST is answered by CREDIT_UPDATE, before data were sent and after',
  proves: { 'vsock/credit-request-answered': 'vsock-credit-request-unanswered' },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/credit-request-answered');
    const client = clientOn(context, check);
    const flow = client.connected(check, echoPortOf(context.port.facts));
    client.send(flow, 'creditRequest');
    check.equal(operationOf(client.next(flow)), 'creditUpdate', 'operation of the answer to CREDIT_REQUEST');
    client.exchanged(flow, contents(100, 1));
    client.send(flow, 'creditRequest');
    check.equal(operationOf(client.next(flow)), 'creditUpdate', 'operation of the answer to another');
    client.end();
  },
});

export const fields = defineCase({
  id: 'virtio/vsock/packets-tell-credit',
  title: 'each packet tells a buffer, never counts more bytes than were sent, and all of them once they have come back',
  proves: { 'vsock/credit-fields-valid': ['vsock-buffer-of-no-bytes', 'vsock-counts-nothing', 'vsock-counts-twice'] },
  applies: withEcho,
  run(context) {
    const check = context.requirement('vsock/credit-fields-valid');
    const client = clientOn(context, check);
    const flow = client.flow(echoPortOf(context.port.facts));
    client.send(flow, 'request');
    const response = client.next(flow);
    check.presumes(operationOf(response) === 'response', 'the connection is established');
    check.atLeast(response.bufAlloc, 1, 'buf_alloc of RESPONSE');
    check.equal(response.fwdCnt, 0, 'fwd_cnt of RESPONSE');
    for (const [seed, bytes] of [10, 4096, 1].entries()) {
      client.sendData(flow, contents(bytes, seed));
      client.receiveData(flow, bytes, ({ bufAlloc, fwdCnt }) => {
        check.atLeast(bufAlloc, 1, 'buf_alloc of RW');
        check.atMost(fwdCnt, flow.sent, 'fwd_cnt of RW');
      });
      client.tellCredit(flow);
    }
    client.send(flow, 'creditRequest');
    let update = client.next(flow);
    // One that was told unasked may come ahead of it.
    while (operationOf(update) === 'creditUpdate' && update.fwdCnt < flow.sent) {
      const later = client.received(flow);
      if (later === undefined) break;
      update = later;
    }
    check.atLeast(update.bufAlloc, 1, 'buf_alloc of CREDIT_UPDATE');
    check.equal(update.fwdCnt, flow.sent, 'fwd_cnt of CREDIT_UPDATE');
    client.end();
  },
});

export const freeSpace = defineCase({
  id: 'virtio/vsock/data-keep-within-free-space',
  title: 'with a small buffer of the driver, data come as far as it has room, and the rest as it is told of more',
  proves: { 'vsock/data-within-free-space': ['vsock-fills-any-buffer', 'vsock-credit-counts-once'] },
  applies: withEcho,
  variants: { bufAlloc: [1, 100, 4096] },
  run(context) {
    const check = context.requirement('vsock/data-within-free-space');
    const client = clientOn(context, check);
    const { bufAlloc } = context.variant;
    const flow = client.connected(check, echoPortOf(context.port.facts), 1, bufAlloc);
    const data = contents(4 * bufAlloc, 2);
    client.sendData(flow, data);
    const parts: Uint8Array[] = [];
    let taken = 0;
    while (taken < data.length) {
      const first = client.answer(flow);
      check.presumes(operationOf(first) === 'rw' && first.payload.length > 0, `data come (${operationOf(first)})`);
      parts.push(first.payload);
      taken += first.payload.length;
      const isWithin = check.atMost(
        flow.received,
        flow.fwdCnt + bufAlloc,
        'bytes received, at most those there is room for',
      );
      if (!isWithin) break;
      if (taken < flow.fwdCnt + bufAlloc && taken < data.length) continue;
      flow.fwdCnt = taken;
      client.tellCredit(flow);
    }
    check.bytesEqual(Buffer.concat(parts), data, 'data that come back');
    client.end();
  },
});
