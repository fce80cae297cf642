import type { Codec } from './compile-layout.ts';

/** The bytes of a structure. */
export function encodeStructure<Value>(codec: Codec<Value>, value: Value): Uint8Array {
  const bytes = new Uint8Array(codec.sizeOf(value));
  codec.encode(value, new DataView(bytes.buffer), 0);
  return bytes;
}

/** Reads the fixed part of a structure; undefined where the bytes end before. */
export function decodeStructure<Value>(codec: Codec<Value>, bytes: Uint8Array): Value | undefined {
  if (bytes.length < codec.size) return undefined;
  const decoded = codec.decode(new DataView(bytes.buffer, bytes.byteOffset, codec.size), 0, codec.size);
  return decoded.ok ? decoded.value : undefined;
}
