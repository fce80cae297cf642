import type { MessageObservation } from '../../observations/event.ts';
import { flagsAt, payloadSizeAt, requestAt } from '../../wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE } from '../../wire/vhost-user-constants.ts';
import { messageById, requestId } from '../../wire/vhost-user-messages.ts';
import { breach, keptIf, type Tell } from '../observed/judgement.ts';

const versionMask = 0x3;
const replyFlag = 0x4;
const wordBytes = 8;
/** Virtio 2.7 and 2.8: a device has at most so many queues. */
const mostQueues = 0x8000n;
/** Requests whose answer is one word, whatever was negotiated. */
const answeredByWord: ReadonlySet<number> = new Set([
  requestId.VHOST_USER_GET_FEATURES,
  requestId.VHOST_USER_GET_PROTOCOL_FEATURES,
  requestId.VHOST_USER_GET_QUEUE_NUM,
]);

/** What a trace shows of one session. */
interface TracedSession {
  /** By request: how many were sent and not answered. */
  readonly sent: Map<number, number>;
  /** By request: the word that answered it first. */
  readonly words: Map<number, bigint>;
  /** A message was sent in pieces, or is not in the trace as a whole: which requests were made is not known. */
  isUnknown: boolean;
}

/** The answers of a vhost-user back-end, as far as each says by itself whether it is as the text has it. */
export class TracedAnswers {
  readonly #tell: Tell;
  readonly #sessions = new Map<number, TracedSession>();

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  passed(message: MessageObservation): void {
    if (message.channel !== 'front-end') return;
    const session = this.#session(message.session);
    const view = wholeMessage(message);
    if (message.direction === 'to-iut') {
      if (view === undefined) session.isUnknown = true;
      else session.sent.set(requestAt(view, 0), (session.sent.get(requestAt(view, 0)) ?? 0) + 1);
    } else if (view !== undefined) this.#answered(session, view);
  }

  #answered(session: TracedSession, view: DataView): void {
    const request = requestAt(view, 0);
    const name = messageById('front-end', request)?.name ?? `request ${request}`;
    this.#judgeFlags(name, flagsAt(view, 0));
    const sent = session.sent.get(request) ?? 0;
    if (!session.isUnknown) {
      const what = `an answer to ${name}`;
      this.#tell(
        'vu-header/reply-repeats-request-number',
        keptIf(sent > 0, () => breach(what, 'that of a request which was sent', 'one that no request has')),
      );
    }
    session.sent.set(request, Math.max(0, sent - 1));
    if (answeredByWord.has(request)) this.#judgeWord(session, name, request, view);
  }

  #judgeFlags(name: string, flags: number): void {
    const found = (expected: string) => () =>
      breach(`the flags of the answer to ${name}`, expected, `0x${flags.toString(16)}`);
    this.#tell('vu-header/reply-carries-version-1', keptIf((flags & versionMask) === 1, found('version 1')));
    this.#tell('vu-header/reply-carries-reply-flag', keptIf((flags & replyFlag) !== 0, found('the reply flag')));
    const others = flags & ~(versionMask | replyFlag);
    this.#tell('vu-header/reply-has-no-other-flags', keptIf(others === 0, found('no other flag')));
  }

  #judgeWord(session: TracedSession, name: string, request: number, view: DataView): void {
    const size = payloadSizeAt(view, 0);
    const what = `bytes of payload in answer to ${name}`;
    this.#tell(
      'vu-header/reply-size-equals-payload',
      keptIf(size === wordBytes, () => breach(what, String(wordBytes), String(size))),
    );
    if (size !== wordBytes) return;
    const word = view.getBigUint64(VHOST_USER_HEADER_SIZE, true);
    if (request === requestId.VHOST_USER_GET_QUEUE_NUM) {
      const isCount = word >= 1n && word <= mostQueues;
      const expected = `1 to ${mostQueues}`;
      this.#tell(
        'vu-mq/get-queue-num-returns-maximum',
        keptIf(isCount, () => breach('the number of queues', expected, String(word))),
      );
    }
    if (request !== requestId.VHOST_USER_GET_FEATURES) return;
    const first = session.words.get(request);
    session.words.set(request, first ?? word);
    if (first === undefined) return;
    const shown = (value: bigint): string => `0x${value.toString(16)}`;
    this.#tell(
      'vu-features/get-features-repeatable',
      keptIf(word === first, () => breach(`the answer to ${name}`, shown(first), shown(word))),
    );
  }

  #session(number: number): TracedSession {
    const known = this.#sessions.get(number);
    if (known !== undefined) return known;
    const session: TracedSession = { sent: new Map(), words: new Map(), isUnknown: false };
    this.#sessions.set(number, session);
    return session;
  }
}

/** Undefined where the event holds a piece of a message, several, or a copy that was cut. */
function wholeMessage({ bytes, length }: MessageObservation): DataView | undefined {
  if (bytes.length !== length || length < VHOST_USER_HEADER_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return VHOST_USER_HEADER_SIZE + payloadSizeAt(view, 0) === length ? view : undefined;
}
