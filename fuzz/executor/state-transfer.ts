import type {
  DriverPort,
  Exchange,
  OutgoingMessage,
  ReceivedMessage,
  VhostUserSession,
} from '../../drivers/port/port.ts';
import type { SeenTransfer } from '../../reference-impl/oracle/model/seen-transfer.ts';
import type { CallOf } from '../program/program.ts';

const directions = { save: 0, load: 1 } as const;
/** Bits of the answer that are 0 where the transfer begins. */
const errorBits = 0xffn;
/** Bytes that a pipe takes at once where it takes any. */
const atOnce = 4096;
const wordBytes = 8;
/** A device that waits for the pipe sees a piece meanwhile. */
const betweenMs = 1;

/** What came of a transfer: what the model is told, and the state that was saved; or why there was no answer. */
export type Transferred =
  | { readonly kind: 'transferred'; readonly seen: SeenTransfer; readonly saved: Uint8Array | undefined }
  | Exclude<Exchange, { readonly kind: 'reply' }>;

/**
 * Saves the state of the device through a pipe up to its end, or loads one in pieces, and asks whether that succeeded.
 * @param state what is loaded.
 */
export function transferred(
  port: DriverPort,
  session: VhostUserSession,
  call: CallOf<'transfer'>,
  state: Uint8Array,
): Transferred {
  const { descriptors } = port;
  const isSaving = call.how === 'save';
  const { readEnd, writeEnd } = descriptors.pipe('blocking');
  const [theirs, ours] = isSaving ? [writeEnd, readEnd] : [readEnd, writeEnd];
  const answer = session.messages.exchange(begun(call, theirs));
  descriptors.close(theirs);
  if (answer.kind !== 'reply') return answer;
  const word = wordOf(answer.message);
  const [given] = answer.message.descriptors;
  const channel = given ?? ours;
  const hasBegun = word !== undefined && (word & errorBits) === 0n;
  const parts: Uint8Array[] = [];
  const isWhole = hasBegun && (isSaving ? isRead(port, channel, parts) : isWritten(port, channel, state, call.pieces));
  if (!isSaving) descriptors.close(channel);
  const checked = hasBegun ? session.messages.exchange({ request: 'VHOST_USER_CHECK_DEVICE_STATE' }) : undefined;
  if (checked !== undefined && checked.kind !== 'reply') return checked;
  const result = checked === undefined ? undefined : wordOf(checked.message);
  const seen = { answer: word, hasDescriptor: given !== undefined, isWhole, result };
  return { kind: 'transferred', seen, saved: isSaving && isWhole ? joined(parts) : undefined };
}

const begun = ({ how, phase }: CallOf<'transfer'>, descriptor: number): OutgoingMessage => ({
  request: 'VHOST_USER_SET_DEVICE_STATE_FD',
  payload: { transferDirection: directions[how], migrationPhase: phase },
  descriptors: [descriptor],
});

function wordOf({ payload }: ReceivedMessage): bigint | undefined {
  if (payload.length !== wordBytes) return undefined;
  return new DataView(payload.buffer, payload.byteOffset).getBigUint64(0, true);
}

/** Whether the device closes its end behind what it writes. */
function isRead(port: DriverPort, channel: number, parts: Uint8Array[]): boolean {
  const outcome = port.until(() => {
    const bytes = port.descriptors.drain(channel);
    if (bytes !== undefined && bytes.length > 0) parts.push(bytes);
    return bytes === undefined;
  }, port.deadlineMs);
  return outcome === 'true';
}

/** Whether the device takes all; behind each piece but the last it has an occasion to read. */
function isWritten(port: DriverPort, channel: number, state: Uint8Array, pieces: number): boolean {
  const size = Math.ceil(state.length / Math.max(pieces, 1));
  for (let from = 0; from < state.length; from += size) {
    const piece = state.subarray(from, from + size);
    let written = 0;
    const outcome = port.until(() => {
      const part = piece.subarray(written, written + atOnce);
      if (part.length > 0) written += port.descriptors.write(channel, part);
      return written === piece.length;
    }, port.deadlineMs);
    if (outcome !== 'true') return false;
    if (from + size < state.length) port.until(() => false, betweenMs);
  }
  return true;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
