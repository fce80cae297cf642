import { type Address, type AnyValue, type AnyValues, type Argument, type ArgumentTable, isSame } from './arguments.ts';
import { printBytes } from './bytes-text.ts';
import { argumentsOf } from './call-table.ts';
import { type Call, type Program, valuesOf } from './program.ts';

/** The program as text, a line each call; `parseProgram` reads it. Arguments that have their default are left out. */
export const printProgram = ({ calls }: Program): string => calls.map((call) => `${printCall(call)}\n`).join('');

export function printCall(call: Call): string {
  const words = printValues(argumentsOf(call.kind), valuesOf(call));
  return [`r${call.id} = ${call.kind}`, ...words].join(' ');
}

function printValues(table: ArgumentTable, values: AnyValues): string[] {
  return Object.entries(table).flatMap(([name, argument]) => {
    const value = values[name];
    return isSame(argument, value, argument.default) ? [] : [`${name}=${printValue(argument, value)}`];
  });
}

function printValue(argument: Argument, value: AnyValue): string {
  switch (argument.type) {
    case 'number':
    case 'optional-number':
      return printNumber(Number(value));
    case 'word':
      return `0x${(value as bigint).toString(16)}`;
    case 'flag':
      return value === true ? 'yes' : 'no';
    case 'choice':
    case 'name':
      return String(value);
    case 'bytes':
      return printBytes(value as Uint8Array);
    case 'address':
      return printAddress(value as Address);
    case 'reference':
      return `r${String(value)}`;
    case 'list': {
      const elements = value as readonly AnyValues[];
      return `[${elements.map((each) => `{${printValues(argument.element, each).join(' ')}}`).join(' ')}]`;
    }
  }
}

/** Small numbers are counts and places; larger ones are patterns of bits. */
const printNumber = (value: number): string => (value < 0x1_0000 ? String(value) : `0x${value.toString(16)}`);

function printAddress(address: Address): string {
  switch (address.kind) {
    case 'literal':
      return `0x${address.value.toString(16)}`;
    case 'ring':
      return `${address.space}:ring${of(address.ring)}.${address.area}${printOffset(address.offset)}`;
    case 'memory':
      return `${address.space}:memory${of(address.memory)}.${address.region}${printOffset(address.offset)}`;
  }
}

const of = (reference: number): string => (reference === 0 ? '' : `(r${reference})`);

function printOffset(offset: number): string {
  if (offset === 0) return '';
  return `${offset < 0 ? '-' : '+'}${printNumber(Math.abs(offset))}`;
}
