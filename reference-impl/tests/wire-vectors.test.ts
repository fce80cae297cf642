import { readdirSync, readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { Codec } from '../wire/compile-layout.ts';
import { MessageAssembler } from '../wire/framing.ts';
import { type Field, fieldSize, type Layout } from '../wire/layout.ts';
import type { Direction, MessageDescription, NegotiatedContext } from '../wire/message-description.ts';
import { decodeMessage, decodeReply, decodeRequest, encodeMessage } from '../wire/vhost-user-codec.ts';
import { backEndMessages, frontEndMessages, type MessageName, messageByName } from '../wire/vhost-user-messages.ts';
import { allCodecs } from './wire-arbitraries.ts';

type Json = string | number | readonly Json[] | { readonly [name: string]: Json };

interface Vector {
  readonly kind: 'request' | 'reply' | 'acknowledgement';
  readonly form: string;
  readonly flags: number;
  readonly descriptors: number;
  readonly hex: string;
  readonly values: { readonly [name: string]: Json };
  readonly context: { readonly [name: string]: string | boolean };
  readonly remarks?: readonly string[];
  readonly provenance:
    | { readonly kind: 'recorded'; readonly program: string; readonly date: string; readonly session: string }
    | { readonly kind: 'text'; readonly section: string };
}

interface MessageVectors {
  readonly id: number;
  readonly name: MessageName;
  readonly vectors: readonly Vector[];
}

const folder = new URL('../../../fixtures/wire-vectors/', import.meta.url);

function read(direction: Direction): readonly MessageVectors[] {
  const file: { messages: readonly MessageVectors[] } = JSON.parse(
    readFileSync(new URL(`${direction}.json`, folder), 'utf8'),
  );
  return file.messages;
}

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

function fieldValue(field: Field, json: Json | undefined): unknown {
  switch (field.kind) {
    case 'u8':
    case 'u16':
    case 'u32':
      return json;
    case 'u64':
    case 'i64':
      return `${json}`.startsWith('-') ? -BigInt(`${json}`.slice(1)) : BigInt(`${json}`);
    case 'bytes':
    case 'tail':
      return fromHex(`${json}`);
    case 'words':
      return (json as readonly string[]).map(BigInt);
    case 'repeated':
      return (json as readonly { readonly [name: string]: Json }[]).map((each) => layoutValue(field.element, each));
    case 'padding':
      return undefined;
  }
}

function layoutValue(layout: Layout, values: { readonly [name: string]: Json }): Record<string, unknown> {
  const named = layout.filter((field) => field.kind !== 'padding');
  return Object.fromEntries(named.map((field) => [field.name, fieldValue(field, values[field.name])]));
}

/** A copy with zeros where the C structure has padding: senders leave there what was in their memory. */
function withoutStructurePadding(bytes: Uint8Array, layout: Layout): Uint8Array {
  const copy = bytes.slice();
  let at = 12;
  for (const field of layout) {
    if (field.kind === 'padding' && !field.mustBeZero) {
      copy.fill(0, at, at + field.length);
    }
    at += fieldSize(field);
  }
  return copy;
}

function contextOf(vector: Vector): NegotiatedContext {
  return Object.fromEntries(
    Object.entries(vector.context).map(([name, value]) => [name, typeof value === 'string' ? BigInt(value) : value]),
  );
}

function codecCalled(name: string): Codec<unknown> {
  const codec = allCodecs.find((each) => each.name === name);
  if (codec === undefined) {
    throw new Error(`no codec is called ${name}`);
  }
  return codec;
}

function checkVector(t: Test, direction: Direction, message: MessageDescription<MessageName>, vector: Vector): void {
  const bytes = fromHex(vector.hex);
  const context = contextOf(vector);
  const codec = codecCalled(vector.form);
  const value = layoutValue(codec.layout, vector.values);
  const isAcknowledgement = vector.kind === 'acknowledgement';
  const decoded =
    vector.kind === 'request'
      ? decodeRequest(direction, bytes, vector.descriptors, context)
      : decodeReply(message, bytes, vector.descriptors, context, isAcknowledgement);
  if (!decoded.ok) {
    t.fail('does not decode', { problems: decoded.problems });
    return;
  }
  t.equal(decoded.value.name, message.name);
  t.equal(decoded.value.codec.name, vector.form);
  t.equal(decoded.value.flags, vector.flags);
  t.same(decoded.value.value, value);
  t.same(
    decoded.remarks.map((remark) => remark.name),
    vector.remarks ?? [],
  );
  if (vector.kind !== 'request') {
    t.match(decoded.value, { isAcknowledgement });
  }
  const target = new Uint8Array(bytes.length + 8);
  const length = encodeMessage(target, { request: message.id, flags: vector.flags, payload: { codec, value } });
  t.equal(
    Buffer.from(target.subarray(0, length)).toString('hex'),
    Buffer.from(withoutStructurePadding(bytes, codec.layout)).toString('hex'),
  );
}

const tables = { 'front-end': frontEndMessages, 'back-end': backEndMessages } as const;

for (const direction of ['front-end', 'back-end'] as const) {
  const messages = read(direction);

  t.test(`${direction}: every message has vectors of all it can be`, async (t) => {
    t.same(
      messages.map(({ id, name }) => [id, name]),
      tables[direction].map(({ id, name }) => [id, name]),
    );
    for (const { name, vectors } of messages) {
      t.ok(
        vectors.some((vector) => vector.kind === 'request'),
        `${name}: a request`,
      );
      const hasReply = messageByName(name).reply !== undefined;
      t.equal(
        vectors.some((vector) => vector.kind === 'reply'),
        hasReply,
        `${name}: a reply if it has one`,
      );
    }
  });

  for (const { name, vectors } of messages) {
    t.test(`${direction}: ${name}, both ways`, async (t) => {
      for (const vector of vectors) {
        const from = vector.provenance.kind === 'recorded' ? vector.provenance.session : vector.provenance.section;
        t.test(`${vector.kind}: ${from}`, async (t) => checkVector(t, direction, messageByName(name), vector));
      }
    });
  }
}

t.test('recorded sessions are read whole, message by message', async (t) => {
  const sessions = new URL('sessions/', folder);
  const names = readdirSync(sessions);
  t.ok(names.length >= 10);
  for (const name of names) {
    const [, ...lines] = readFileSync(new URL(name, sessions), 'utf8').trimEnd().split('\n');
    const assembler = new MessageAssembler();
    for (const line of lines) {
      const { hex, descriptors, channel }: { hex: string; descriptors: number; channel: Direction } = JSON.parse(line);
      const bytes = fromHex(hex);
      assembler.push(bytes, 0, bytes.length);
      const frame = assembler.next();
      t.match(frame, { kind: 'frame', length: bytes.length });
      const decoded = decodeMessage(channel, bytes, descriptors);
      t.ok(decoded.ok, `${name}: ${hex}`, decoded.ok ? {} : { problems: decoded.problems });
    }
    t.equal(assembler.pendingBytes, 0);
  }
});
