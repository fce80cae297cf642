import {
  type Address,
  type AnyValue,
  type AnyValues,
  type Area,
  type Argument,
  type ArgumentTable,
  defaultsOf,
  type Space,
} from './arguments.ts';
import { parseBytes } from './bytes-text.ts';
import { argumentsOf, callKinds, isCallKind } from './call-table.ts';
import {
  type Call,
  fieldName,
  mostBytes,
  mostCalls,
  mostElements,
  type Program,
  ProgramError,
  problemOf,
} from './program.ts';

/**
 * Reads the text of a program: a call each line, `rN = KIND NAME=VALUE ...`. `#` begins a comment, which is not kept.
 * @throws ProgramError that names the line.
 */
export function parseProgram(text: string): Program {
  const calls: Call[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    const content = line.replace(/#.*$/, '').trim();
    if (content === '') continue;
    if (calls.length === mostCalls) throw new ProgramError(`line ${at + 1}: more than ${mostCalls} calls`);
    calls.push(new LineReader(content, at + 1).call());
  }
  const program = { calls };
  const problem = problemOf(program);
  if (problem !== undefined) throw new ProgramError(problem);
  return program;
}

const numberPattern = /^(?:0x[0-9a-f]{1,16}|\d{1,20})$/;
const addressPattern =
  /^(guest|user|io):(?:ring(?:\(r(\d{1,10})\))?\.(descriptor|driver|device)|memory(?:\(r(\d{1,10})\))?\.(\d{1,2}|1\d\d|2[0-4]\d|25[0-5]))(?:([+-])(0x[0-9a-f]{1,8}|\d{1,10}))?$/;
const most32 = 2n ** 31n;

/** Reads one line from its beginning to its end. */
class LineReader {
  readonly #text: string;
  readonly #line: number;
  #at = 0;

  constructor(text: string, line: number) {
    this.#text = text;
    this.#line = line;
  }

  call(): Call {
    const head = /^r(\d{1,10})\s*=\s*([a-z-]+)/.exec(this.#text);
    if (head === null) return this.#fail('a call is written as rN = KIND NAME=VALUE ...');
    const [all, id, kind = ''] = head;
    this.#at = all.length;
    if (!isCallKind(kind)) return this.#fail(`${kind} is no kind of call; there are ${callKinds.join(', ')}`);
    const values = this.#values(argumentsOf(kind), '');
    return { id: Number(id), kind, ...values } as Call;
  }

  /** Arguments up to `end`, or the end of the line. */
  #values(table: ArgumentTable, end: string): AnyValues {
    const values: Record<string, AnyValue> = { ...defaultsOf(table) };
    const seen = new Set<string>();
    for (;;) {
      this.#space();
      if (this.#at >= this.#text.length) {
        if (end === '') return values;
        return this.#fail(`${end} is missing`);
      }
      if (end !== '' && this.#take(end)) return values;
      const name = this.#word(/[A-Za-z]+/y);
      const argument = Object.hasOwn(table, name) ? table[name] : undefined;
      if (argument === undefined) {
        return this.#fail(
          `${name || this.#text.charAt(this.#at)} is no argument; there are ${Object.keys(table).join(', ')}`,
        );
      }
      if (seen.has(name)) return this.#fail(`${name} is there twice`);
      seen.add(name);
      if (!this.#take('=')) return this.#fail(`${name}: = is missing`);
      values[name] = argument.type === 'list' ? this.#list(argument.element) : this.#value(name, argument);
    }
  }

  #list(element: ArgumentTable): readonly AnyValues[] {
    if (!this.#take('[')) return this.#fail('a list begins with [');
    const elements: AnyValues[] = [];
    for (;;) {
      this.#space();
      if (this.#take(']')) return elements;
      if (!this.#take('{')) return this.#fail('an element begins with {, a list ends with ]');
      if (elements.length === mostElements) return this.#fail(`more than ${mostElements} elements`);
      elements.push(this.#values(element, '}'));
    }
  }

  #value(name: string, argument: Exclude<Argument, { type: 'list' }>): AnyValue {
    const text = this.#word(/[^\s{}[\]]*/y);
    const wrong = (what: string): never => this.#fail(`${name}: ${text || 'nothing'} is no ${what}`);
    switch (argument.type) {
      case 'number':
      case 'optional-number': {
        const value = numberOf(text);
        if (value === undefined || value >= 1n << BigInt(argument.bits))
          return wrong(`number of ${argument.bits} bits`);
        return Number(value);
      }
      case 'word': {
        const value = numberOf(text);
        return value === undefined || value >= 1n << 64n ? wrong('number of 64 bits') : value;
      }
      case 'flag':
        return text === 'yes' || text === 'no' ? text === 'yes' : wrong('yes or no');
      case 'choice':
        return argument.names.includes(text) ? text : wrong(`${argument.names.join(', ')}`);
      case 'name':
        return fieldName.test(text) ? text : wrong('name');
      case 'bytes':
        return parseBytes(text, mostBytes) ?? wrong(`hexadecimal text of at most ${mostBytes} bytes`);
      case 'address':
        return addressOf(text) ?? wrong('address');
      case 'reference': {
        const [, id] = /^r(\d{1,10})$/.exec(text) ?? [];
        return id === undefined ? wrong('id of a call') : Number(id);
      }
    }
  }

  #space(): void {
    while (this.#text.charAt(this.#at) === ' ' || this.#text.charAt(this.#at) === '\t') this.#at++;
  }

  #take(sign: string): boolean {
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  /** What a sticky pattern finds here; the empty text where it finds nothing. */
  #word(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }

  #fail(why: string): never {
    throw new ProgramError(`line ${this.#line}, column ${this.#at + 1}: ${why}`);
  }
}

function numberOf(text: string): bigint | undefined {
  return numberPattern.test(text) ? BigInt(text) : undefined;
}

function addressOf(text: string): Address | undefined {
  const value = numberOf(text);
  if (value !== undefined) return value < 1n << 64n ? { kind: 'literal', value } : undefined;
  const found = addressPattern.exec(text);
  if (found === null) return undefined;
  const [, space, ring = '0', area, memory = '0', region, sign, distance = '0'] = found;
  const offset = (sign === '-' ? -1n : 1n) * BigInt(distance);
  if (offset >= most32 || offset < -most32) return undefined;
  const common = { offset: Number(offset), space: space as Space };
  if (area !== undefined) return { kind: 'ring', ring: Number(ring), area: area as Area, ...common };
  return { kind: 'memory', memory: Number(memory), region: Number(region), ...common };
}
