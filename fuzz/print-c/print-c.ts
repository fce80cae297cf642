import { frame } from './c-frame.ts';
import type { Recording, Step, Thing, Transfer } from './recording.ts';

export interface PrintCOptions {
  /** Lines about the finding, as the comment that it begins with. */
  readonly about: readonly string[];
  /** The back-end ends with its connection: it is asked whether it lives on the last one. */
  readonly isOneConnection?: boolean;
}

/** By the number of a change of memory: its place among those that run. */
type Changes = ReadonlyMap<number, number>;

const bytesOfLine = 24;
/** Zeros at the end of bytes are counted where they are more. */
const fewZeros = 16;

/**
 * A C program without dependencies that does what was recorded, to the back-end that listens at the path which is its
 * argument. It says what it saw, and exits with 1 where the back-end died or does not answer, else with 0.
 */
export function printC({ things, sessions, steps, transfer }: Recording, options: PrintCOptions): string {
  const changes = changesOf(steps);
  // One session more, and one thing and one change at least: no array is empty.
  const sizes = { THINGS: Math.max(things.length, 1), SESSIONS: sessions + 1, CHANGES: Math.max(changes.size, 1) };
  const program = (all: readonly Step[]): string[] => all.flatMap((step) => statements(step, changes));
  return [
    '/*',
    ...options.about.map((line) => ` * ${comment(line)}`),
    ' *',
    ' * cc -Wall -Wextra -Werror FILE && ./a.out SOCKET',
    ' * Exit status: 0 the back-end answers a new connection, 1 it died or does not answer, 2 it cannot be reached.',
    ' */',
    ...Object.entries(sizes).map(([name, size]) => `#define ${name} ${size}`),
    frame,
    'static void make_things(void)',
    '{',
    ...(things.length === 0 ? ['\treturn;'] : things.map((thing, number) => `\t${made(thing, number)}`)),
    '}',
    '',
    'static void program(void)',
    '{',
    ...program(steps),
    ...[...changes.values()].map((place) => `\tsettle(${place});`),
    '}',
    '',
    ...isAlive(sessions, options.isOneConnection ?? false),
    ...(transfer === undefined ? [] : transferFunction(transfer, program(transfer.steps))),
    ...main(sessions, transfer !== undefined),
    '',
  ].join('\n');
}

export function changesOf(steps: readonly Step[]): Changes {
  const changes = new Map<number, number>();
  for (const step of steps)
    if (step.kind === 'change' && !changes.has(step.number)) changes.set(step.number, changes.size);
  return changes;
}

/** The statement that makes a thing. */
export function made(thing: Thing, number: number): string {
  switch (thing.kind) {
    case 'file':
      return `make_file(${number}, ${thing.size});`;
    case 'eventfd':
      return `make_eventfd(${number});`;
    case 'null-device':
      return `make_null_device(${number});`;
    case 'pipe':
      return `make_pipe(${number});`;
    case 'socket':
      return `make_socket(${number});`;
  }
}

/** The statements that do a step. */
export function statements(step: Step, changes: Changes): string[] {
  switch (step.kind) {
    case 'note':
      return [`\t/* ${comment(step.text)} */`];
    case 'connect':
      return [`\topen_session(${step.session});`];
    case 'send': {
      const passed = step.passed.length === 0 ? 'NULL' : `(const int[]){ ${step.passed.join(', ')} }`;
      return [`\tsend_bytes(${step.session}, ${literal(step.bytes)}, ${passed}, ${step.passed.length});`];
    }
    case 'receive':
      return [`\treceive(${step.session}, ${step.length});`];
    case 'shutdown':
      return [`\tshut_session(${step.session}, ${step.how === 'write' ? 'SHUT_WR' : 'SHUT_RDWR'});`];
    case 'close':
      return [`\tclose_session(${step.session});`];
    case 'store':
      return [`\tstore(${step.file}, ${step.offset}, ${literal(step.bytes)});`];
    case 'signal':
      return [`\tsignal_thing(${step.thing}, ${step.value}ULL);`];
    case 'await':
      return [`\tawait_used(${step.file}, ${step.offset}, ${step.value}, ${step.isIndex ? 1 : 0});`];
    case 'pause':
      return [`\tusleep(${step.ms * 1000});`];
    case 'change': {
      const length = step.patterns[0]?.length ?? 0;
      const text = quoted(Buffer.concat(step.patterns));
      const { file, offset, patterns, periodNs } = step;
      return [
        `\tchange(${changes.get(step.number)}, ${file}, ${offset}, ${text}, ${length}, ${patterns.length}, ${periodNs}L);`,
      ];
    }
    case 'settle': {
      const place = changes.get(step.number);
      return place === undefined ? [] : [`\tsettle(${place});`];
    }
  }
}

function isAlive(sessions: number, isOneConnection: boolean): string[] {
  const opened = isOneConnection
    ? []
    : [
        '\tfor (int number = 0; number < SESSIONS - 1; number++)',
        '\t\tclose_session(number);',
        `\tsession[${sessions}] = connected();`,
      ];
  return [
    'static int is_alive(void)',
    '{',
    ...opened,
    `\treturn is_answered(${isOneConnection ? Math.max(sessions - 1, 0) : sessions});`,
    '}',
    '',
  ];
}

/** Whether a transfer completes on a connection of its own. */
function transferFunction({ used }: Transfer, steps: readonly string[]): string[] {
  return [
    'static int is_transferring(void)',
    '{',
    '\tunanswered = 0;',
    ...steps.filter((line) => !line.startsWith('\tclose_session')),
    used === undefined
      ? '\treturn unanswered == 0;'
      : `\treturn unanswered == 0 && is_moved(${used.file}, ${used.offset}, ${used.from});`,
    '}',
    '',
  ];
}

const main = (sessions: number, hasTransfer: boolean): string[] => [
  'int main(int argc, char **argv)',
  '{',
  '\tif (argc != 2) {',
  '\t\tfprintf(stderr, "usage: %s SOCKET\\n", argv[0]);',
  '\t\treturn 2;',
  '\t}',
  '\tsocket_path = argv[1];',
  '\tsetbuf(stdout, NULL);',
  `\tfor (int number = 0; number <= ${sessions}; number++)`,
  '\t\tsession[number] = -1;',
  '\tmake_things();',
  '\tprogram();',
  '\tif (unanswered > 0)',
  '\t\tprintf("answers that came when this was recorded did not come: %d\\n", unanswered);',
  '\tif (!is_alive()) {',
  '\t\tprintf("the back-end died, or does not answer any more\\n");',
  '\t\treturn 1;',
  '\t}',
  ...(hasTransfer
    ? [
        `\tclose_session(${sessions});`,
        '\tif (!is_transferring()) {',
        '\t\tprintf("the back-end does not complete a transfer any more\\n");',
        '\t\treturn 1;',
        '\t}',
      ]
    : []),
  '\tprintf("the back-end answers\\n");',
  '\treturn 0;',
  '}',
];

/** `"bytes", how many these are, how many they are with the zeros behind them`. */
function literal(bytes: Uint8Array): string {
  let given = bytes.length;
  while (given > 0 && bytes[given - 1] === 0) given--;
  if (bytes.length - given < fewZeros) given = bytes.length;
  const text = quoted(bytes.subarray(0, given));
  return `${text}, ${given}, ${bytes.length}`;
}

function quoted(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += bytesOfLine) {
    lines.push(`"${Array.from(bytes.subarray(at, at + bytesOfLine), (byte) => `\\x${hex(byte)}`).join('')}"`);
  }
  if (lines.length <= 1) return lines[0] ?? '""';
  return `\n\t\t${lines.join('\n\t\t')}`;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** One line that ends no comment. */
const comment = (text: string): string =>
  text
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .replaceAll('*/', '* /')
    .replaceAll('/*', '/ *');
