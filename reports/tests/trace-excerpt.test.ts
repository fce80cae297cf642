import t from 'tap';
import type { Observation, ObservedEvent } from '../../reference-impl/observations/event.ts';
import { encodeReply, encodeRequest } from '../../reference-impl/wire/vhost-user-codec.ts';
import { foldRepetitions } from '../html/event-repetition.ts';
import { continuations } from '../html/message-pieces.ts';
import { traceExcerpt } from '../html/trace-excerpt.ts';
import type { Trace } from '../trace/trace.ts';

const request = encodeRequest('VHOST_USER_GET_FEATURES', {});
const reply = encodeReply('VHOST_USER_GET_FEATURES', { u64: 5n });

function numbered(...observations: Observation[]): ObservedEvent[] {
  return observations.map((observation, seq) => ({ seq, timeUs: seq * 10, ...observation }));
}

function note(text: string): Observation {
  return { kind: 'note', text };
}

function message(bytes: Uint8Array, direction: 'to-iut' | 'from-iut' = 'to-iut', session = 0): Observation {
  return { kind: 'message', channel: 'front-end', direction, session, bytes, length: bytes.length, descriptors: 0 };
}

function trace(events: ObservedEvent[], dropped = 0): Trace {
  return { target: 'x', key: 'k', repetition: 0, dropped, events };
}

/** `3`, `3!` for the failing event, `-7-` for a gap of seven, `x2` for two repetitions. */
function sketch(excerpt: ReturnType<typeof traceExcerpt>): string {
  return excerpt.items
    .map((item) => {
      if (item.kind === 'gap') return `-${item.missing}-`;
      return item.kind === 'repeated' ? `x${item.times}` : `${item.event.seq}${item.isFailing ? '!' : ''}`;
    })
    .join(' ');
}

t.test('a short trace is whole', (t) => {
  const excerpt = traceExcerpt(trace(numbered(note('a'), note('b'), note('c'))), 1, 8);
  t.equal(sketch(excerpt), '0 1! 2');
  t.match(excerpt, { shown: 3, total: 3 });
  t.end();
});

t.test('a long one shows how it began and what surrounds the failing event', (t) => {
  const events = numbered(...Array.from({ length: 100 }, (_, index) => note(`${index}`)));
  const excerpt = traceExcerpt(trace(events), 50, 8);
  t.equal(sketch(excerpt), '0 1 -44- 46 47 48 49 50! 51 -48-');
  t.match(excerpt, { total: 100 });
  t.equal(sketch(traceExcerpt(trace(events), undefined, 8)), '0 1 -92- 94 95 96 97 98 99');
  t.equal(sketch(traceExcerpt(trace(events), 99, 8)), '0 1 -92- 94 95 96 97 98 99!');
  t.equal(sketch(traceExcerpt(trace(events), 1, 8)), '0 1! 2 3 4 5 6 7 -92-');
  t.end();
});

t.test('what was not recorded is a gap, and an event that was not stands for the one before it', (t) => {
  const events = numbered(note('a'), note('b'), note('c'), note('d')).filter(({ seq }) => seq !== 2);
  t.equal(sketch(traceExcerpt(trace(events, 1), 2, 8)), '0 1! -1- 3');
  t.match(traceExcerpt(trace(events, 1), 2, 8), { shown: 3, total: 4 });
  t.end();
});

t.test('exchanges that repeat are folded, the failing one is not', (t) => {
  const pair = [message(request), message(reply, 'from-iut')];
  const events = numbered(note('a'), ...pair, ...pair, ...pair, ...pair, note('z'));
  const excerpt = traceExcerpt(trace(events), undefined, 8);
  t.equal(sketch(excerpt), '0 1 2 x3 9');
  t.match(excerpt, { shown: 10, total: 10 });
  t.match(sketch(traceExcerpt(trace(events), 8, 20)), /8!/);
  t.match(sketch(traceExcerpt(trace(events), 1, 20)), /1! 2/);
  const differing = numbered(...[1, 2, 3, 4].map((value) => note(`${value}`)));
  t.equal(foldRepetitions(differing, undefined).length, 4);
  const twice = numbered(note('a'), note('a'));
  t.equal(foldRepetitions(twice, undefined).length, 2, 'twice is no repetition worth folding');
  t.end();
});

t.test('pieces of a message are told from messages', (t) => {
  const at = (...events: Observation[]): number[] => [...continuations(numbered(...events))];
  t.strictSame(at(message(request), message(reply, 'from-iut'), message(request)), []);
  t.strictSame(at(message(reply.subarray(0, 12)), message(reply.subarray(12)), message(request)), [1]);
  const bytewise = Array.from(reply, (byte) => message(Uint8Array.of(byte)));
  t.equal(at(...bytewise, message(request)).length, reply.length - 1);
  t.strictSame(at(message(reply.subarray(0, 5)), message(request, 'to-iut', 1)), [], 'another session');
  t.strictSame(at(message(reply.subarray(0, 5)), message(request, 'from-iut')), [], 'the other direction');
  const opened: Observation = { kind: 'connection', state: 'opened', session: 0, detail: '' };
  t.strictSame(at(message(reply.subarray(0, 12)), opened, message(request)), [], 'another connection');
  const lying = Uint8Array.from(request);
  new DataView(lying.buffer).setUint32(8, 0xfffffff0, true);
  t.strictSame(at(message(lying), message(request)), [], '4 GiB are not waited for');
  t.end();
});
