/**
 * A layout is a table of fields in wire order, without implicit alignment: padding is written out.
 * It is compiled once by `compileLayout`; nothing reads the table while messages travel, except reports.
 */
export type Field = NumberField | BigField | BytesField | PaddingField | WordsField | RepeatedField | TailField;

export interface NumberField<Name extends string = string> {
  readonly kind: 'u8' | 'u16' | 'u32';
  readonly name: Name;
  /** Bits that must be zero; a set one is remarked, never refused. */
  readonly reserved?: number;
}

export interface BigField<Name extends string = string> {
  readonly kind: 'u64' | 'i64';
  readonly name: Name;
  readonly reserved?: bigint;
}

export interface BytesField<Name extends string = string> {
  readonly kind: 'bytes';
  readonly name: Name;
  readonly length: number;
}

/** `mustBeZero: false` is structure padding, of which no text says that it is zero. */
export interface PaddingField {
  readonly kind: 'padding';
  readonly name: string;
  readonly length: number;
  readonly mustBeZero: boolean;
}

/** A fixed number of u64. */
export interface WordsField<Name extends string = string> {
  readonly kind: 'words';
  readonly name: Name;
  readonly length: number;
}

/** As many elements as an earlier u32 field says; last in its layout. */
export interface RepeatedField<Name extends string = string, Element extends readonly Field[] = readonly Field[]> {
  readonly kind: 'repeated';
  readonly name: Name;
  readonly countField: string;
  readonly maximum: number;
  readonly element: Element;
}

/** As many bytes as an earlier u32 field says; last in its layout. */
export interface TailField<Name extends string = string> {
  readonly kind: 'tail';
  readonly name: Name;
  readonly sizeField: string;
}

export type Layout = readonly Field[];

type FieldValue<F> = F extends { kind: 'u8' | 'u16' | 'u32' }
  ? number
  : F extends { kind: 'u64' | 'i64' }
    ? bigint
    : F extends { kind: 'bytes' | 'tail' }
      ? Uint8Array
      : F extends { kind: 'words' }
        ? readonly bigint[]
        : F extends { kind: 'repeated'; element: infer Element extends Layout }
          ? readonly ValueOf<Element>[]
          : never;

/** The value of a layout: one property per field, padding left out. Count and size fields are properties too. */
export type ValueOf<L extends Layout> = {
  readonly [F in L[number] as F extends { kind: 'padding' } ? never : F['name']]: FieldValue<F>;
};

export function u8<const Name extends string>(name: Name, reserved = 0): NumberField<Name> & { readonly kind: 'u8' } {
  return { kind: 'u8', name, reserved };
}

export function u16<const Name extends string>(name: Name, reserved = 0): NumberField<Name> & { readonly kind: 'u16' } {
  return { kind: 'u16', name, reserved };
}

export function u32<const Name extends string>(name: Name, reserved = 0): NumberField<Name> & { readonly kind: 'u32' } {
  return { kind: 'u32', name, reserved };
}

export function u64<const Name extends string>(name: Name, reserved = 0n): BigField<Name> & { readonly kind: 'u64' } {
  return { kind: 'u64', name, reserved };
}

export function i64<const Name extends string>(name: Name): BigField<Name> & { readonly kind: 'i64' } {
  return { kind: 'i64', name };
}

export function bytes<const Name extends string>(name: Name, length: number): BytesField<Name> {
  return { kind: 'bytes', name, length };
}

export function padding(length: number, name = 'padding'): PaddingField {
  return { kind: 'padding', name, length, mustBeZero: true };
}

export function structurePadding(length: number, name = 'structurePadding'): PaddingField {
  return { kind: 'padding', name, length, mustBeZero: false };
}

export function words<const Name extends string>(name: Name, length: number): WordsField<Name> {
  return { kind: 'words', name, length };
}

export function repeated<const Name extends string, const Element extends Layout>(
  name: Name,
  countField: string,
  maximum: number,
  element: Element,
): RepeatedField<Name, Element> {
  return { kind: 'repeated', name, countField, maximum, element };
}

export function tail<const Name extends string>(name: Name, sizeField: string): TailField<Name> {
  return { kind: 'tail', name, sizeField };
}

/** Bytes of one field; 0 for the fields whose length travels in the message. */
export function fieldSize(field: Field): number {
  switch (field.kind) {
    case 'u8':
      return 1;
    case 'u16':
      return 2;
    case 'u32':
      return 4;
    case 'u64':
    case 'i64':
      return 8;
    case 'bytes':
    case 'padding':
      return field.length;
    case 'words':
      return field.length * 8;
    case 'repeated':
    case 'tail':
      return 0;
  }
}

/** Bytes of the fixed part of a layout. */
export function layoutSize(layout: Layout): number {
  return layout.reduce((total, field) => total + fieldSize(field), 0);
}
