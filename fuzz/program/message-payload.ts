import type { Codec } from '../../reference-impl/wire/compile-layout.ts';
import type { Layout } from '../../reference-impl/wire/layout.ts';
import { messageById } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { Address } from './arguments.ts';
import type { CallOf } from './program.ts';

/** How a place of memory is told: as a number of 64 bits. */
export type AddressOf = (address: Address) => bigint;

const layoutCodec = (request: number): Codec<unknown> | undefined =>
  messageById('front-end', request)?.request[0]?.codec;

/** The layout of a request's fields; none for a request that no text knows, or that has no payload. */
export function layoutOfRequest(request: number): Layout {
  return layoutCodec(request)?.layout ?? [];
}

/** The payload of a message as bytes: its fields in their layout, or its bytes where it tells no field. */
export function payloadOf({ request, fields, bytes }: CallOf<'message'>, addressOf: AddressOf): Uint8Array {
  const codec = layoutCodec(request);
  if (codec === undefined || codec.layout.length === 0 || (fields.length === 0 && bytes.length > 0)) return bytes;
  const values: Record<string, unknown> = {};
  for (const field of codec.layout) {
    switch (field.kind) {
      case 'u8':
      case 'u16':
      case 'u32':
        values[field.name] = 0;
        break;
      case 'u64':
      case 'i64':
        values[field.name] = 0n;
        break;
      case 'bytes': {
        const filled = new Uint8Array(field.length);
        filled.set(bytes.subarray(0, field.length));
        values[field.name] = filled;
        break;
      }
      case 'tail':
        values[field.name] = bytes;
        break;
      case 'words':
        values[field.name] = new Array<bigint>(field.length).fill(0n);
        break;
      case 'repeated':
        values[field.name] = [];
        break;
      case 'padding':
    }
  }
  for (const { name, value } of fields) {
    if (value === undefined) continue;
    const before = values[name];
    if (typeof before === 'bigint') values[name] = addressOf(value);
    else if (typeof before === 'number') values[name] = Number(BigInt.asUintN(32, addressOf(value)));
  }
  const payload = new Uint8Array(codec.sizeOf(values));
  codec.encode(values, new DataView(payload.buffer), 0);
  return payload;
}
