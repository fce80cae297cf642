import type { Observation, ObservedEvent } from '../../reference-impl/observations/event.ts';
import {
  encodeAcknowledgement,
  encodeMessage,
  encodeReply,
  encodeRequest,
} from '../../reference-impl/wire/vhost-user-codec.ts';
import { VHOST_USER_NEED_REPLY_FLAGS } from '../../reference-impl/wire/vhost-user-constants.ts';
import { messageByName } from '../../reference-impl/wire/vhost-user-messages.ts';

/** Text that a page must show and never act on. */
export const hostileText = [
  '</script><img src=x onerror="window.taken=1">',
  '"><svg onload=window.taken=1>\' ` javascript:window.taken=1',
  '\u001b[31mred\u001b[0m \u0000 \u009b2J \r\n',
  'admin\u202Etxt.exe\u2066 \u200b zero width, \ufeff mark, \ud800 lone, \ufffd replaced',
  '<!-- --> &lt; &#x3c;script&#x3e; ]]> %s %n',
].join('\n');

class Story {
  readonly events: ObservedEvent[] = [];
  #timeUs = 0;

  add(observation: Observation, afterUs = 17): number {
    this.#timeUs += afterUs + (this.events.length % 5) * 3;
    const seq = this.events.length;
    this.events.push({ seq, timeUs: this.#timeUs, ...observation });
    return seq;
  }

  message(direction: 'to-iut' | 'from-iut', bytes: Uint8Array, descriptors = 0): number {
    const length = bytes.length;
    return this.add({ kind: 'message', channel: 'front-end', direction, session: 0, bytes, length, descriptors });
  }
}

const empty = {} as const;
const features = 0x1_7000_0246n;

/** Two buffers, the second one writable, and the descriptor that leads to them. */
const indirectTable = Uint8Array.from(
  [0, 0x60, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0].concat([0, 0x70, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 2, 0, 0, 0]),
);
const toTable = Uint8Array.from([0, 0x50, 0, 0, 1, 0, 0, 0, 32, 0, 0, 0, 4, 0, 0, 0]);

/** A complete session with two rings, `rounds` fences and, near its end, whatever the case is about. */
export function sampleTrace(kind: 'wrong' | 'crash' | 'stalled' | 'hostile', rounds: number) {
  const story = new Story();
  story.add({ kind: 'process', state: 'started', detail: kind === 'hostile' ? hostileText : 'pid 4711' });
  story.add({ kind: 'connection', state: 'opened', session: 0, detail: '/run/vhost.sock' });
  story.message('to-iut', encodeRequest('VHOST_USER_GET_FEATURES', empty));
  story.message('from-iut', encodeReply('VHOST_USER_GET_FEATURES', { u64: features }));
  story.message('to-iut', encodeRequest('VHOST_USER_SET_OWNER', empty));
  story.message('to-iut', encodeRequest('VHOST_USER_GET_PROTOCOL_FEATURES', empty));
  story.message('from-iut', encodeReply('VHOST_USER_GET_PROTOCOL_FEATURES', { u64: 0x2829bn }));
  story.message('to-iut', encodeRequest('VHOST_USER_SET_PROTOCOL_FEATURES', { u64: 0x829bn }));
  story.message('to-iut', encodeRequest('VHOST_USER_SET_FEATURES', { u64: features }));
  const regions = [
    { guestAddress: 0n, size: 0x400000n, userAddress: 0x7f00_0000_0000n, mmapOffset: 0n },
    { guestAddress: 0x1_0000_0000n, size: 0x200000n, userAddress: 0x7e00_0000_0000n, mmapOffset: 0x400000n },
  ];
  const table = encodeRequest(
    'VHOST_USER_SET_MEM_TABLE',
    { numRegions: 2, regions },
    { flags: VHOST_USER_NEED_REPLY_FLAGS },
  );
  story.message('to-iut', table, 2);
  story.message('from-iut', encodeAcknowledgement(messageByName('VHOST_USER_SET_MEM_TABLE').id, 0n));
  for (let round = 0; round < rounds; round += 1) {
    story.message('to-iut', encodeRequest('VHOST_USER_GET_FEATURES', empty));
    story.message('from-iut', encodeReply('VHOST_USER_GET_FEATURES', { u64: features }));
  }
  story.message('to-iut', encodeRequest('VHOST_USER_SET_VRING_NUM', { index: 0, num: 256 }));
  story.message('to-iut', encodeRequest('VHOST_USER_SET_VRING_BASE', { index: 0, num: 65534 }));
  story.message('to-iut', encodeRequest('VHOST_USER_SET_VRING_KICK', { u64: 0n }), 1);
  story.add({ kind: 'note', text: 'three chains made available from base 65534' });
  const descriptor = Uint8Array.from([0, 0x10, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0]);
  story.add({ kind: 'ring-write', what: 'descriptor', index: 0, address: 0x1_0000_1000n, bytes: descriptor });
  story.add({ kind: 'ring-write', what: 'available-idx', index: 0, address: 0x2002n, bytes: Uint8Array.of(1, 0) });
  story.add({ kind: 'notification', what: 'kick', session: 0, index: 0, count: 1 });
  let failing: number;
  switch (kind) {
    case 'crash':
      failing = story.message('to-iut', malformed());
      story.add({ kind: 'process', state: 'died', detail: 'SIGSEGV' });
      story.add({ kind: 'connection', state: 'closed-by-iut', session: 0, detail: 'end of file' });
      break;
    case 'stalled':
      story.add({ kind: 'note', text: 'no call and no used element for 50 ms; a fresh ring completed in 0.4 ms' });
      failing = story.message('to-iut', encodeRequest('VHOST_USER_GET_VRING_BASE', { index: 0, num: 0 }));
      break;
    case 'wrong':
    case 'hostile':
      story.add({ kind: 'indirect-table', index: 0, address: 0x1_0000_5000n, bytes: indirectTable });
      story.add({ kind: 'ring-write', what: 'descriptor', index: 0, address: 0x1_0000_1010n, bytes: toTable });
      story.add({ kind: 'notification', what: 'call', session: 0, index: 0, count: 1 });
      story.add({
        kind: 'ring-write',
        what: 'used-seen',
        index: 0,
        address: 0x3002n,
        bytes: Uint8Array.of(0xff, 0xff),
      });
      story.add({
        kind: 'memory-change',
        region: 1,
        offset: 0x1a40,
        length: 512,
        bytes: Uint8Array.from({ length: 64 }, (_, index) => index * 3),
        note: kind === 'hostile' ? hostileText : '',
      });
      story.message('to-iut', encodeRequest('VHOST_USER_GET_VRING_BASE', { index: 0, num: 0 }));
      failing = story.message('from-iut', encodeReply('VHOST_USER_GET_VRING_BASE', { index: 0, num: 65535 }));
      story.add({ kind: 'connection', state: 'closed-by-us', session: 0, detail: '' });
  }
  return { events: story.events, failing };
}

/** A header that declares more than follows, of an unknown request. */
function malformed(): Uint8Array {
  const bytes = new Uint8Array(64);
  const payload = Uint8Array.from({ length: 40 }, (_, index) => 0xf0 ^ index);
  return bytes.slice(0, encodeMessage(bytes, { request: 999, payload, declaredSize: 0xfffffff0 }));
}
