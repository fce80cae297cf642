import { type Field, fieldSize, type Layout, layoutSize } from './layout.ts';

/** What some bytes of a message are: for people who read a trace. */
export interface Annotation {
  /** Bytes from the start of the message. */
  readonly offset: number;
  readonly length: number;
  readonly field: string;
  /** Numbers in hexadecimal, small ones also in decimal; bytes in hexadecimal, shortened. */
  readonly value: string;
  readonly note?: string;
}

/** Meaning of a number in a field; undefined when the number says it all. */
export type FieldNote = (field: string, value: number | bigint) => string | undefined;

const longestBytesShown = 32;

export function numberText(value: number | bigint): string {
  return value < 10 ? `${value}` : `0x${value.toString(16)} (${value})`;
}

function bytesText(bytes: Uint8Array): string {
  const shown = [...bytes.subarray(0, longestBytesShown)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > longestBytesShown ? `${shown} … (${bytes.length} bytes)` : shown;
}

function readNumber(view: DataView, offset: number, field: Field): number | bigint | undefined {
  switch (field.kind) {
    case 'u8':
      return view.getUint8(offset);
    case 'u16':
      return view.getUint16(offset, true);
    case 'u32':
      return view.getUint32(offset, true);
    case 'u64':
      return view.getBigUint64(offset, true);
    case 'i64':
      return view.getBigInt64(offset, true);
    case 'bytes':
    case 'padding':
    case 'words':
    case 'repeated':
    case 'tail':
      return undefined;
  }
}

/** Collects what the bytes of one message or structure are. */
export class Annotator {
  readonly annotations: Annotation[] = [];
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = bytes.length;
  }

  add(offset: number, length: number, field: string, value: string, note?: string): void {
    this.annotations.push(
      note === undefined ? { offset, length, field, value } : { offset, length, field, value, note },
    );
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  raw(offset: number, end: number, field: string, note: string): void {
    if (end > offset) {
      this.add(offset, end - offset, field, bytesText(this.#bytes.subarray(offset, end)), note);
    }
  }

  /** Annotates as much of the layout as the bytes up to `end` hold, and returns where it stopped. */
  fields(layout: Layout, start: number, end: number, prefix: string, note: FieldNote): number {
    let at = start;
    for (const field of layout) {
      if (field.kind === 'repeated') {
        at = this.#elements(field, at, end, note);
      } else if (field.kind === 'tail') {
        this.raw(at, end, field.name, 'as many bytes as its size field says');
        at = end;
      } else {
        const size = fieldSize(field);
        if (at + size > end) {
          this.raw(at, end, `${prefix}${field.name}`, `cut: ${end - at} of ${size} bytes`);
          return end;
        }
        this.#field(field, at, prefix, note);
        at += size;
      }
    }
    return at;
  }

  #field(field: Field, at: number, prefix: string, note: FieldNote): void {
    const size = fieldSize(field);
    const value = readNumber(this.#view, at, field);
    if (value !== undefined) {
      this.add(at, size, `${prefix}${field.name}`, numberText(value), note(field.name, value));
    } else if (field.kind === 'words') {
      this.#words(field.name, field.length, at);
    } else {
      const slice = this.#bytes.subarray(at, at + size);
      const isDirty = field.kind === 'padding' && field.mustBeZero && slice.some((byte) => byte !== 0);
      this.add(at, size, `${prefix}${field.name}`, bytesText(slice), isDirty ? 'padding is not zero' : undefined);
    }
  }

  /** The words up to the last that is not zero one by one, the rest as one. */
  #words(field: string, count: number, start: number): void {
    let used = count;
    while (used > 0 && this.#view.getBigUint64(start + (used - 1) * 8, true) === 0n) {
      used -= 1;
    }
    for (let i = 0; i < used; i += 1) {
      const at = start + i * 8;
      this.add(at, 8, `${field}[${i}]`, numberText(this.#view.getBigUint64(at, true)));
    }
    if (used < count) {
      this.add(start + used * 8, (count - used) * 8, `${field}[${used}..${count - 1}]`, '0');
    }
  }

  #elements(field: Extract<Field, { kind: 'repeated' }>, start: number, end: number, note: FieldNote): number {
    const stride = layoutSize(field.element);
    let at = start;
    for (let i = 0; at < end && i < field.maximum; i += 1) {
      this.fields(field.element, at, Math.min(end, at + stride), `${field.name}[${i}].`, note);
      at += stride;
    }
    return Math.min(at, end);
  }

  get end(): number {
    return this.#end;
  }
}
