import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { NegotiatedContext } from '../wire/message-description.ts';
import {
  type AnyMessage,
  annotate,
  decodeMessage,
  decodeReply,
  decodeRequest,
  decodeRequestAt,
  encodeAcknowledgement,
  encodeMessage,
  encodeReply,
  encodeRequest,
  encodeU64MessageInto,
  flagsAt,
  payloadSizeAt,
  requestAt,
} from '../wire/vhost-user-codec.ts';
import { messageByName } from '../wire/vhost-user-messages.ts';
import { u64Payload } from '../wire/vhost-user-payloads.ts';
import { type Decoded, type WireProblemName, wireProblemNames } from '../wire/wire-problem.ts';
import { nearlyMessage } from './wire-arbitraries.ts';

const direction = fc.constantFrom('front-end' as const, 'back-end' as const);
const context: fc.Arbitrary<NegotiatedContext> = fc.oneof(
  fc.constant({}),
  fc.record({
    offeredFeatures: fc.bigInt(0n, 2n ** 64n - 1n),
    features: fc.bigInt(0n, 2n ** 64n - 1n),
    protocolFeatures: fc.bigInt(0n, 2n ** 64n - 1n),
    isPostcopyListening: fc.boolean(),
  }),
);

function written(message: AnyMessage): Uint8Array {
  const target = new Uint8Array(4096);
  return target.subarray(0, encodeMessage(target, message));
}

function problemNames(result: Decoded<unknown>): WireProblemName[] {
  return (result.ok ? result.remarks : result.problems).map((problem) => problem.name);
}

function places(result: Decoded<unknown>): (string | number)[][] {
  return (result.ok ? result.remarks : result.problems).map(({ name, offset, field }) => [name, offset, field]);
}

t.test('whatever bytes come, decoders decode or name a problem inside them', async () => {
  const property = fc.property(direction, nearlyMessage, fc.nat(9), context, (side, bytes, fds, session) => {
    const before = bytes.slice();
    const result = decodeMessage(side, bytes, fds, session);
    assert.deepEqual(bytes, before);
    const found = result.ok ? result.remarks : result.problems;
    assert.ok(result.ok || found.length > 0);
    for (const problem of found) {
      assert.ok(wireProblemNames.includes(problem.name));
      assert.ok(problem.offset >= 0 && problem.offset <= bytes.length, JSON.stringify(problem));
      assert.ok(problem.field.length > 0 && problem.detail.length > 0);
    }
  });
  fc.assert(property, { numRuns: 2000 });
});

t.test('annotations cover all bytes in order, whatever they are', async () => {
  const property = fc.property(direction, nearlyMessage, (side, bytes) => {
    let at = 0;
    for (const { offset, length, field } of annotate(side, bytes)) {
      assert.equal(offset, at);
      assert.ok(length > 0 && field.length > 0);
      at += length;
    }
    assert.equal(at, bytes.length);
  });
  fc.assert(property, { numRuns: 1000 });
});

t.test('headers: each thing wrong has its name and place', async (t) => {
  const request = (message: AnyMessage, fds = 0) => places(decodeRequest('front-end', written(message), fds));
  t.same(places(decodeRequest('front-end', new Uint8Array(11), 0)), [['short-of-header', 11, 'header']]);
  t.same(request({ request: 1, flags: 2 }), [['version-not-1', 4, 'flags']]);
  t.same(request({ request: 1, flags: 0x8000_0001 }), [['reserved-flag-bits', 4, 'flags']]);
  t.same(request({ request: 1, flags: 5 }), [['reply-flag-on-request', 4, 'flags']]);
  t.same(request({ request: 46 }), [['unknown-request', 0, 'request']]);
  t.same(request({ request: 0xffff_ffff }), [['unknown-request', 0, 'request']]);
  t.same(request({ request: 1, payload: new Uint8Array(8) }), [['size-beyond-known-payload', 12, 'payload']]);
  t.same(request({ request: 2, payload: new Uint8Array(4) }), [['size-short-of-payload', 16, 'u64']]);
  t.same(request({ request: 2, payload: new Uint8Array(8), declaredSize: 9 }), [['size-beyond-bytes', 8, 'size']]);
  t.same(request({ request: 1, payload: new Uint8Array(3), declaredSize: 0 }), [['trailing-bytes', 12, 'size']]);
  t.same(request({ request: 1 }, 1), [['unexpected-descriptors', 0, 'descriptors']]);
});

t.test('several things wrong are all named', async (t) => {
  const bytes = written({ request: 2, flags: 0x14, payload: new Uint8Array(4), declaredSize: 5 });
  t.same(problemNames(decodeRequest('front-end', bytes, 0)), [
    'version-not-1',
    'size-beyond-bytes',
    'reply-flag-on-request',
    'size-short-of-payload',
    'reserved-flag-bits',
  ]);
});

t.test('descriptors: as many as the message and its payload call for', async (t) => {
  const region = { guestAddress: 0n, size: 4096n, userAddress: 0n, mmapOffset: 0n };
  const table = encodeRequest('VHOST_USER_SET_MEM_TABLE', { numRegions: 2, regions: [region, region] });
  t.ok(decodeRequest('front-end', table, 2).ok);
  t.same(problemNames(decodeRequest('front-end', table, 1)), ['descriptors-missing']);
  t.same(problemNames(decodeRequest('front-end', table, 3)), ['unexpected-descriptors']);
  const withFd = encodeRequest('VHOST_USER_SET_VRING_CALL', { u64: 3n });
  const withoutFd = encodeRequest('VHOST_USER_SET_VRING_CALL', { u64: 0x103n });
  t.ok(decodeRequest('front-end', withFd, 1).ok);
  t.ok(decodeRequest('front-end', withoutFd, 0).ok);
  t.same(problemNames(decodeRequest('front-end', withFd, 0)), ['descriptors-missing']);
  t.same(problemNames(decodeRequest('front-end', withoutFd, 1)), ['unexpected-descriptors']);
  const removed = encodeRequest('VHOST_USER_REM_MEM_REG', region);
  t.same(problemNames(decodeRequest('front-end', removed, 1)), ['descriptor-tolerated']);
  t.same(problemNames(decodeRequest('front-end', removed, 2)), ['unexpected-descriptors']);
  const reply = encodeReply('VHOST_USER_SET_DEVICE_STATE_FD', { u64: 0x101n });
  const state = messageByName('VHOST_USER_SET_DEVICE_STATE_FD');
  t.ok(decodeReply(state, reply, 0).ok);
  t.same(problemNames(decodeReply(state, reply, 1)), ['unexpected-descriptors']);
});

t.test('features: what hangs on one that is not negotiated is remarked', async (t) => {
  const queueNum = encodeRequest('VHOST_USER_GET_QUEUE_NUM', {});
  t.same(problemNames(decodeRequest('front-end', queueNum, 0, { protocolFeatures: 0n })), ['gate-not-negotiated']);
  t.same(problemNames(decodeRequest('front-end', queueNum, 0, { protocolFeatures: 1n })), []);
  t.same(problemNames(decodeRequest('front-end', queueNum, 0)), []);
  const owner = encodeRequest('VHOST_USER_SET_OWNER', {}, { flags: 9 });
  t.same(problemNames(decodeRequest('front-end', owner, 0, { protocolFeatures: 0n })), ['need-reply-not-negotiated']);
  t.match(decodeRequest('front-end', owner, 0, { protocolFeatures: 8n }), { ok: true, value: { needsReply: true } });
});

t.test('the session decides the form of a payload', async (t) => {
  const packed = encodeRequest('VHOST_USER_SET_VRING_BASE', { index: 0, num: 0x8001_0001 });
  t.same(problemNames(decodeRequest('front-end', packed, 0, { features: 1n << 34n })), []);
  t.same(places(decodeRequest('front-end', packed, 0, { features: 0n })), [['reserved-bits-set', 16, 'num']]);
  const region = { guestAddress: 0n, size: 4096n, userAddress: 0n, mmapOffset: 0n };
  const plain = encodeRequest('VHOST_USER_ADD_MEM_REG', region);
  t.same(places(decodeRequest('front-end', plain, 1, { protocolFeatures: (1n << 17n) | (1n << 15n) })), [
    ['size-short-of-payload', 52, 'xenMmapFlags'],
  ]);
  t.same(problemNames(decodeRequest('front-end', plain, 1, { protocolFeatures: 1n << 15n })), []);
});

t.test('replies: each thing wrong has its name', async (t) => {
  const features = messageByName('VHOST_USER_GET_FEATURES');
  const setFeatures = messageByName('VHOST_USER_SET_FEATURES');
  const word = { codec: u64Payload, value: { u64: 1n } };
  t.same(problemNames(decodeReply(features, written({ request: 1, payload: word }), 0)), ['reply-flag-missing']);
  t.same(problemNames(decodeReply(features, written({ request: 2, flags: 5, payload: word }), 0)), [
    'request-mismatch',
  ]);
  t.same(problemNames(decodeReply(features, written({ request: 1, flags: 13, payload: word }), 0)), [
    'need-reply-on-reply',
  ]);
  t.same(problemNames(decodeReply(features, written({ request: 1, flags: 5 }), 0)), ['size-short-of-payload']);
  t.same(problemNames(decodeReply(features, written({ request: 1, flags: 5, payload: word }), 1)), [
    'unexpected-descriptors',
  ]);
  const acknowledgement = encodeAcknowledgement(2, 0n);
  t.same(problemNames(decodeReply(setFeatures, acknowledgement, 0)), ['reply-not-expected']);
  t.match(decodeReply(setFeatures, acknowledgement, 0, {}, true), { ok: true, value: { isAcknowledgement: true } });
  t.same(problemNames(decodeReply(setFeatures, acknowledgement, 1, {}, true)), ['unexpected-descriptors']);
  t.same(problemNames(decodeReply(features, new Uint8Array(3), 0)), ['short-of-header']);
  t.same(problemNames(decodeMessage('back-end', encodeAcknowledgement(11, 0n), 0)), ['unknown-request']);
});

t.test('a message in the midst of others is read with places of its own', async (t) => {
  const view = new DataView(new ArrayBuffer(100));
  new Uint8Array(view.buffer).set(encodeRequest('VHOST_USER_SET_VRING_NUM', { index: 2, num: 256 }), 30);
  encodeU64MessageInto(view, 50, 2, 9, 5n);
  t.match(decodeRequestAt('front-end', view, 30, 20, 0), {
    ok: true,
    value: { name: 'VHOST_USER_SET_VRING_NUM', value: { index: 2, num: 256 } },
  });
  t.match(decodeRequestAt('front-end', view, 50, 20, 0), { ok: true, value: { value: { u64: 5n }, needsReply: true } });
  t.same([requestAt(view, 50), flagsAt(view, 50), payloadSizeAt(view, 50)], [2, 9, 8]);
  t.same(places(decodeRequestAt('front-end', view, 50, 16, 0)), [
    ['size-beyond-bytes', 8, 'size'],
    ['size-short-of-payload', 16, 'u64'],
  ]);
});

t.test('encoders write anything', async () => {
  const property = fc.property(
    fc.nat(0xffff_ffff),
    fc.nat(0xffff_ffff),
    fc.nat(0xffff_ffff),
    fc.uint8Array({ maxLength: 200 }),
    (request, flags, declaredSize, payload) => {
      const bytes = written({ request, flags, payload, declaredSize });
      const view = new DataView(bytes.buffer);
      assert.deepEqual(
        [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)],
        [request, flags, declaredSize],
      );
      assert.deepEqual(bytes.slice(12), payload);
    },
  );
  fc.assert(property);
});

t.test('valid messages with one thing changed', async (t) => {
  const bytes = encodeRequest('VHOST_USER_SET_FEATURES', { u64: 1n }, { flags: 3, declaredSize: 7 });
  t.same(problemNames(decodeRequest('front-end', bytes, 0)), [
    'version-not-1',
    'trailing-bytes',
    'size-short-of-payload',
  ]);
  t.throws(() => encodeMessage(new Uint8Array(19), { request: 2, payload: new Uint8Array(8) }), RangeError);
});

t.test('annotations say what people want to know', async (t) => {
  const notes = (bytes: Uint8Array) => annotate('front-end', bytes).map(({ field, note }) => `${field}: ${note ?? ''}`);
  t.same(notes(encodeReply('VHOST_USER_GET_FEATURES', { u64: 0x1_4000_0001n })), [
    'request: VHOST_USER_GET_FEATURES',
    'flags: version 1, reply',
    'size: ',
    'u64: bit 0, VHOST_USER_F_PROTOCOL_FEATURES, bit 32',
  ]);
  t.same(notes(encodeRequest('VHOST_USER_SET_STATUS', { u64: 0x0fn })).slice(3), [
    'u64: ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK',
  ]);
  t.same(notes(encodeRequest('VHOST_USER_SET_VRING_KICK', { u64: 0x101n })).slice(3), [
    'u64: vring 1, without a descriptor',
  ]);
  t.same(notes(encodeReply('VHOST_USER_GET_VRING_BASE', { index: 0, num: 0x8005_0003 })).slice(4), [
    'num: packed: available 3, wrap counter 0; used 5, wrap counter 1',
  ]);
  t.same(notes(encodeRequest('VHOST_USER_SEND_RARP', { u64: 0x563412005452n })).slice(3), [
    'u64: MAC 52:54:00:12:34:56',
  ]);
  t.same(notes(written({ request: 99, flags: 0xf9, payload: new Uint8Array([1]) })), [
    'request: no front-end message has this id',
    'flags: version 1, need_reply, unknown bits 0xf0',
    'size: ',
    'payload: of an unknown request',
  ]);
  const cut = written({ request: 5, payload: new Uint8Array([2, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3]), declaredSize: 72 });
  t.same(notes(cut).slice(2), [
    'size: 11 bytes follow',
    'numRegions: ',
    'padding: padding is not zero',
    'regions[0].guestAddress: cut: 3 of 8 bytes',
  ]);
});
