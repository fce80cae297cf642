import { type Field, fieldSize, type Layout, layoutSize, type ValueOf } from './layout.ts';
import { type Decoded, noProblems, type WireProblem, type WireProblemName, wireProblem } from './wire-problem.ts';

/** Encodes and decodes one layout, little-endian (the byte order of the hosts we run on). */
export interface Codec<Value> {
  readonly name: string;
  readonly layout: Layout;
  /** Bytes of the fixed part. */
  readonly size: number;
  /** Bytes that `encode` will write for this value: lists count as long as they are, not as their count field says. */
  sizeOf(value: Value): number;
  /**
   * Writes the value as it stands (a count may disagree with its list, numbers wrap to their width) and returns the
   * bytes written. Padding is written as zero. RangeError when the view ends before.
   */
  encode(value: Value, view: DataView, offset: number): number;
  /** Reads `length` bytes at `offset`; offsets in problems count from there. Never throws when the view holds them. */
  decode(view: DataView, offset: number, length: number): Decoded<Value>;
}

interface CompiledFunctions<Value> {
  readonly sizeOf: (value: Value) => number;
  readonly encode: (value: Value, view: DataView, offset: number) => number;
  readonly decode: (view: DataView, offset: number, length: number) => Decoded<Value>;
}

const accessor = { u8: 'Uint8', u16: 'Uint16', u32: 'Uint32', u64: 'BigUint64', i64: 'BigInt64' } as const;

type ScalarField = Extract<Field, { kind: keyof typeof accessor }>;

function readScalar(field: ScalarField, at: string): string {
  return `view.get${accessor[field.kind]}(${at}, true)`;
}

function isListField(field: Field): field is Extract<Field, { kind: 'repeated' | 'tail' }> {
  return field.kind === 'repeated' || field.kind === 'tail';
}

function place(base: string, at: number): string {
  return at === 0 ? base : `${base} + ${at}`;
}

/** The statements that write the fixed fields of `value` (a source expression) at `base`. */
function encodeStatements(layout: Layout, value: string, base: string): string[] {
  const statements: string[] = [];
  let at = 0;
  for (const field of layout) {
    const where = place(base, at);
    switch (field.kind) {
      case 'u8':
      case 'u16':
      case 'u32':
      case 'u64':
      case 'i64':
        statements.push(`view.set${accessor[field.kind]}(${where}, ${value}.${field.name}, true);`);
        break;
      case 'bytes':
        statements.push(`tools.writeBytes(view, ${where}, ${field.length}, ${value}.${field.name});`);
        break;
      case 'padding':
        statements.push(`tools.writeZeros(view, ${where}, ${field.length});`);
        break;
      case 'words':
        statements.push(`tools.writeWords(view, ${where}, ${field.length}, ${value}.${field.name});`);
        break;
      case 'repeated':
      case 'tail':
        break;
    }
    at += fieldSize(field);
  }
  return statements;
}

/** An object literal that reads the fixed fields at `base`; `extra` are further properties. */
function decodeLiteral(layout: Layout, base: string, extra: readonly string[]): string {
  const properties: string[] = [];
  let at = 0;
  for (const field of layout) {
    const where = place(base, at);
    switch (field.kind) {
      case 'u8':
      case 'u16':
      case 'u32':
      case 'u64':
      case 'i64':
        properties.push(`${field.name}: ${readScalar(field, where)}`);
        break;
      case 'bytes':
        properties.push(`${field.name}: tools.readBytes(view, ${where}, ${field.length})`);
        break;
      case 'words':
        properties.push(`${field.name}: tools.readWords(view, ${where}, ${field.length})`);
        break;
      case 'padding':
      case 'repeated':
      case 'tail':
        break;
    }
    at += fieldSize(field);
  }
  return `{ ${[...properties, ...extra].join(', ')} }`;
}

/** Statements that collect remarks on padding and reserved bits. */
function remarkStatements(layout: Layout, base: string, relative: string, prefix: string): string[] {
  const statements: string[] = [];
  let at = 0;
  for (const field of layout) {
    const where = place(base, at);
    const offset = place(relative, at);
    const label = `${prefix}${JSON.stringify(field.name)}`;
    if (field.kind === 'padding' && field.mustBeZero) {
      const isSet =
        field.length === 4 ? `view.getUint32(${where}, true) !== 0` : `!tools.isZero(view, ${where}, ${field.length})`;
      statements.push(`if (${isSet}) remarks = tools.remark(remarks, 'padding-not-zero', ${offset}, ${label});`);
    } else if ('reserved' in field && field.reserved) {
      const mask = typeof field.reserved === 'bigint' ? `${field.reserved}n` : `${field.reserved}`;
      const zero = typeof field.reserved === 'bigint' ? '0n' : '0';
      const isSet = `(${readScalar(field, where)} & ${mask}) !== ${zero}`;
      statements.push(`if (${isSet}) remarks = tools.remark(remarks, 'reserved-bits-set', ${offset}, ${label});`);
    }
    at += fieldSize(field);
  }
  return statements;
}

function offsetOf(layout: Layout, name: string): number {
  let at = 0;
  for (const field of layout) {
    if (field.name === name) {
      return at;
    }
    at += fieldSize(field);
  }
  throw new RangeError(`layout has no field ${name}`);
}

function compiledSource(layout: Layout): string {
  const size = layoutSize(layout);
  const list = layout.find(isListField);
  const encode = encodeStatements(layout, 'value', 'offset');
  const remarks = remarkStatements(layout, 'offset', '0', '');
  const head = `let remarks = tools.noProblems;
    if (length < ${size}) return tools.short(length, ${size});`;
  if (list === undefined) {
    return `return {
  sizeOf() { return ${size}; },
  encode(value, view, offset) { ${encode.join('\n    ')} return ${size}; },
  decode(view, offset, length) { ${head}
    if (length > ${size}) return tools.beyond(length, ${size});
    ${remarks.join('\n    ')}
    return { ok: true, value: ${decodeLiteral(layout, 'offset', [])}, remarks };
  } };`;
  }
  const element = list.kind === 'repeated' ? list.element : [];
  const stride = list.kind === 'repeated' ? layoutSize(element) : 1;
  const maximum = list.kind === 'repeated' ? list.maximum : 0xffffffff;
  const counter = list.kind === 'repeated' ? list.countField : list.sizeField;
  const counterAt = offsetOf(layout, counter);
  const write =
    list.kind === 'repeated'
      ? `for (let i = 0, at = offset + ${size}; i < list.length; i += 1, at += ${stride}) {
      const each = list[i]; ${encodeStatements(element, 'each', 'at').join(' ')} }`
      : `tools.writeBytes(view, offset + ${size}, list.length, list);`;
  const elementLabel = `'${list.name}[' + i + '].' + `;
  const read =
    list.kind === 'repeated'
      ? `const list = new Array(count);
    for (let i = 0, at = offset + ${size}; i < count; i += 1, at += ${stride}) {
      list[i] = ${decodeLiteral(element, 'at', [])};
      ${remarkStatements(element, 'at', '(at - offset)', elementLabel).join(' ')} }`
      : `const list = tools.readBytes(view, offset + ${size}, count);`;
  return `return {
  sizeOf(value) { return ${size} + value.${list.name}.length * ${stride}; },
  encode(value, view, offset) { const list = value.${list.name};
    ${encode.join('\n    ')}
    ${write}
    return ${size} + list.length * ${stride}; },
  decode(view, offset, length) { ${head}
    const count = view.getUint32(offset + ${counterAt}, true);
    if (count > ${maximum}) return tools.tooMany(${counterAt}, '${counter}', count, ${maximum});
    const needed = ${size} + count * ${stride};
    if (length < needed) return tools.short(length, needed);
    if (length > needed) {
      if (${list.kind === 'tail'} || length > ${size + maximum * stride}) return tools.beyond(length, needed);
      remarks = tools.remark(remarks, 'size-beyond-count', needed, '${list.name}');
    }
    ${remarks.join('\n    ')}
    ${read}
    return { ok: true, value: ${decodeLiteral(layout, 'offset', [`${list.name}: list`])}, remarks };
  } };`;
}

const remarkDetail: Partial<Record<WireProblemName, string>> = {
  'padding-not-zero': 'padding holds bytes other than zero',
  'reserved-bits-set': 'bits without a meaning are set',
  'size-beyond-count': 'the payload goes on behind the counted elements',
};

/** The field that byte `at` of the fixed part lies in, for problems about missing bytes. */
function fieldAt(layout: Layout, at: number): string {
  let end = 0;
  for (const field of layout) {
    end += fieldSize(field);
    if (at < end || isListField(field)) {
      return field.name;
    }
  }
  return 'payload';
}

function toolsFor(layout: Layout) {
  const refuse = (problem: WireProblem): Decoded<never> => ({ ok: false, problems: [problem] });
  return {
    noProblems,
    short: (length: number, needed: number) =>
      refuse(
        wireProblem('size-short-of-payload', length, fieldAt(layout, length), `${length} bytes where ${needed} belong`),
      ),
    beyond: (length: number, needed: number) =>
      refuse(wireProblem('size-beyond-known-payload', needed, 'payload', `${length} bytes where ${needed} belong`)),
    tooMany: (at: number, field: string, count: number, maximum: number) =>
      refuse(wireProblem('count-beyond-maximum', at, field, `${count} where ${maximum} is the most`)),
    remark: (remarks: readonly WireProblem[], name: WireProblemName, at: number, field: string) => [
      ...remarks,
      wireProblem(name, at, field, remarkDetail[name] ?? name),
    ],
    isZero: (view: DataView, at: number, length: number): boolean => {
      for (let i = 0; i < length; i += 1) {
        if (view.getUint8(at + i) !== 0) {
          return false;
        }
      }
      return true;
    },
    writeZeros: (view: DataView, at: number, length: number): void => {
      for (let i = 0; i < length; i += 1) {
        view.setUint8(at + i, 0);
      }
    },
    writeBytes: (view: DataView, at: number, length: number, value: Uint8Array): void => {
      const target = new Uint8Array(view.buffer, view.byteOffset + at, length);
      target.fill(0, Math.min(value.length, length));
      target.set(value.length > length ? value.subarray(0, length) : value);
    },
    readBytes: (view: DataView, at: number, length: number): Uint8Array =>
      new Uint8Array(view.buffer, view.byteOffset + at, length).slice(),
    writeWords: (view: DataView, at: number, length: number, value: readonly bigint[]): void => {
      for (let i = 0; i < length; i += 1) {
        view.setBigUint64(at + i * 8, value[i] ?? 0n, true);
      }
    },
    readWords: (view: DataView, at: number, length: number): bigint[] =>
      Array.from({ length }, (_, i) => view.getBigUint64(at + i * 8, true)),
  };
}

const fieldName = /^[a-z][A-Za-z0-9]*$/;

function checkLayout(layout: Layout): void {
  layout.forEach((field, index) => {
    if (!fieldName.test(field.name)) {
      throw new RangeError(`${JSON.stringify(field.name)} is not a field name`);
    }
    if (isListField(field) && index !== layout.length - 1) {
      throw new RangeError(`${field.name} has a length that travels and must be last`);
    }
    if (field.kind === 'repeated') {
      checkLayout(field.element);
      if (field.element.some(isListField)) {
        throw new RangeError(`elements of ${field.name} must have a fixed size`);
      }
    }
  });
}

/**
 * Compiles a layout into a codec of straight-line reads and writes. The source is made from our own tables only, and
 * field names are checked before, so nothing that arrived from outside is ever compiled. Reading the table for each
 * message instead costs about ten times as much.
 * RangeError when the layout is not one.
 */
export function compileLayout<const L extends Layout>(name: string, layout: L): Codec<ValueOf<L>> {
  checkLayout(layout);
  const build = new Function('tools', `'use strict'; ${compiledSource(layout)}`);
  const functions: CompiledFunctions<ValueOf<L>> = build(toolsFor(layout));
  return { name, layout, size: layoutSize(layout), ...functions };
}
