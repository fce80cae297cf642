import fc from 'fast-check';
import type { Codec } from '../wire/compile-layout.ts';
import type { Field, Layout } from '../wire/layout.ts';
import { backEndMessages, frontEndMessages } from '../wire/vhost-user-messages.ts';

/** Every codec that some message uses, once. */
export const allCodecs: readonly Codec<unknown>[] = [
  ...new Set(
    [...frontEndMessages, ...backEndMessages]
      .flatMap((message) => [...message.request, ...(message.reply ?? [])])
      .map((form): Codec<unknown> => form.codec),
  ),
];

function fieldArbitrary(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'u8':
      return fc.nat(0xff);
    case 'u16':
      return fc.nat(0xffff);
    case 'u32':
      return fc.nat(0xffff_ffff);
    case 'u64':
      return fc.bigInt(0n, 0xffff_ffff_ffff_ffffn);
    case 'i64':
      return fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
    case 'bytes':
      return fc.uint8Array({ minLength: field.length, maxLength: field.length });
    case 'words':
      return fc.array(fc.bigInt(0n, 0xffff_ffff_ffff_ffffn), { minLength: field.length, maxLength: field.length });
    case 'repeated':
      return fc.array(valueArbitrary(field.element), { maxLength: field.maximum });
    case 'tail':
      return fc.uint8Array({ maxLength: 300 });
    case 'padding':
      return fc.constant(undefined);
  }
}

/** Values of a layout whose count fields agree with their lists. */
export function valueArbitrary(layout: Layout): fc.Arbitrary<Record<string, unknown>> {
  const named = layout.filter((field) => field.kind !== 'padding');
  const fields = Object.fromEntries(named.map((field) => [field.name, fieldArbitrary(field)]));
  return fc.record(fields, { noNullPrototype: true }).map((value) => {
    for (const field of layout) {
      if (field.kind === 'repeated' || field.kind === 'tail') {
        const list = value[field.name] as { readonly length: number };
        value[field.kind === 'tail' ? field.sizeField : field.countField] = list.length;
      }
    }
    return value;
  });
}

/** A codec and a value of it. */
export const codecAndValue: fc.Arbitrary<{ codec: Codec<unknown>; value: Record<string, unknown> }> = fc
  .constantFrom(...allCodecs)
  .chain((codec) => valueArbitrary(codec.layout).map((value) => ({ codec, value })));

/** Bytes that are often nearly a message: a known id, good flags, a size that fits, or all of it noise. */
export const nearlyMessage: fc.Arbitrary<Uint8Array> = fc
  .record({
    request: fc.oneof(fc.nat(50), fc.nat(0xffff_ffff)),
    flags: fc.oneof(fc.constantFrom(1, 5, 9), fc.nat(0xffff_ffff)),
    payload: fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ minLength: 600, maxLength: 2200 })),
    sizeError: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer() }),
    cut: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(20) }),
  })
  .map(({ request, flags, payload, sizeError, cut }) => {
    const bytes = new Uint8Array(12 + payload.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, request, true);
    view.setUint32(4, flags, true);
    view.setUint32(8, payload.length + sizeError, true);
    bytes.set(payload, 12);
    return bytes.subarray(0, Math.max(0, bytes.length - cut));
  });
