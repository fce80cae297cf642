import { VSOCK_HEADER_SIZE } from '../../../reference-impl/devices/vsock-layout.ts';
import { defineCase } from '../../case.ts';
import { clientOn, echoPortOf, withEcho } from './sockets.ts';
import { contents, receiveSize } from './vsock-client.ts';

/** How packets are cut into descriptors says nothing (virtio 2.7.4). */

const payloadBytes = 100;

/** Lengths of the pieces of a packet, or of the buffer for one, the last one left out. */
const framings: Readonly<Record<string, readonly number[]>> = {
  whole: [],
  'header-apart': [VSOCK_HEADER_SIZE],
  'header-in-two': [20, VSOCK_HEADER_SIZE - 20],
  'header-bytewise-in-part': [1, 1, 1, 1],
  'payload-in-three': [VSOCK_HEADER_SIZE, 1, 49],
  'payload-with-part-of-the-header': [VSOCK_HEADER_SIZE - 1],
};

export const anyFraming = defineCase({
  id: 'virtio/vsock/any-framing-is-handled-alike',
  title: 'packets and receive buffers cut into descriptors in header, payload or both: data come back',
  proves: { 'split/any-framing-handled': ['second-descriptor-ignored', 'vsock-header-from-first-descriptor'] },
  applies: withEcho,
  variants: { side: ['transmit', 'receive'], framing: Object.keys(framings) },
  run(context) {
    const { side, framing } = context.variant;
    const check = context.requirement('split/any-framing-handled');
    const client = clientOn(context, check, false);
    const cuts = framings[framing] ?? [];
    client.giveBuffers(8, receiveSize, side === 'receive' ? cuts : []);
    const data = contents(payloadBytes, 12);
    const flow = client.flow(echoPortOf(context.port.facts));
    client.send(flow, 'request', side === 'transmit' ? { cuts } : {});
    const answer = client.next(flow);
    check.equal(answer.usedLen, VSOCK_HEADER_SIZE, `length of the answer to REQUEST, ${side}, ${framing}`);
    client.send(flow, 'rw', { payload: data, ...(side === 'transmit' ? { cuts } : {}) });
    check.bytesEqual(client.receiveData(flow, data.length), data, `data that come back, ${side}, ${framing}`);
    client.end();
  },
});
