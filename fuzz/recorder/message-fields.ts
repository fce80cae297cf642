import type { OutgoingMessage } from '../../drivers/port/port.ts';
import { messageById, requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { literal } from '../program/arguments.ts';
import { callTable } from '../program/call-table.ts';
import { type CallOf, elementOf } from '../program/program.ts';

type MessageFields = Pick<CallOf<'message'>, 'request' | 'fields' | 'bytes'>;

const numbers = new Map<string, number>(Object.entries(requestId));
const none = new Uint8Array(0);

/** A message as a call tells it: by fields where all of them are numbers, else by the bytes of its payload. */
export function messageFields({ request: named, payload }: OutgoingMessage): MessageFields {
  const request = typeof named === 'number' ? named : (numbers.get(named) ?? 0);
  if (payload === undefined) return { request, fields: [], bytes: none };
  if (payload instanceof Uint8Array) return { request, fields: [], bytes: payload.slice() };
  const values = Object.entries(payload);
  const { element } = callTable.message.arguments.fields;
  const fields = values.flatMap(([name, value]) =>
    typeof value === 'number' || typeof value === 'bigint'
      ? [elementOf(element, { name, value: literal(BigInt.asUintN(64, BigInt(value))) })]
      : [],
  );
  if (fields.length === values.length) return { request, fields, bytes: none };
  const codec = messageById('front-end', request)?.request[0]?.codec;
  if (codec === undefined) return { request, fields, bytes: none };
  const bytes = new Uint8Array(codec.sizeOf(payload));
  codec.encode(payload, new DataView(bytes.buffer), 0);
  return { request, fields: [], bytes };
}
