import type { INamespace, IType } from 'protobufjs/light.js';
import type { Argument, ArgumentTable, ListArgument } from './arguments.ts';
import { argumentsOf, callKinds, callTable } from './call-table.ts';

/** The protobuf schema of programs, made from the table of calls: `program.proto` is its text. */

export const programSchemaVersion = { major: 1, minor: 0 } as const;

interface SchemaField {
  readonly name: string;
  readonly type: string;
  readonly id: number;
  readonly rule?: 'optional' | 'repeated';
  readonly comment?: string;
}

interface SchemaMessage {
  readonly name: string;
  readonly fields: readonly SchemaField[];
  readonly oneof?: { readonly name: string; readonly fields: readonly SchemaField[] };
}

const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** The field of `Call` that holds a kind of call. */
export const fieldOfKind = (kind: string): string =>
  kind
    .split('-')
    .map((word, at) => (at === 0 ? word : capitalized(word)))
    .join('');

const typeOfKind = (kind: string): string => `${capitalized(fieldOfKind(kind))}Call`;

function fieldOf(name: string, argument: Argument): SchemaField {
  const { tag: id } = argument;
  switch (argument.type) {
    case 'number':
    case 'optional-number':
    case 'reference':
      return { name, type: 'uint32', id, rule: 'optional' };
    case 'choice':
      return {
        name,
        type: 'uint32',
        id,
        rule: 'optional',
        comment: argument.names.map((each, at) => `${at} ${each}`).join(', '),
      };
    case 'word':
      return { name, type: 'uint64', id, rule: 'optional' };
    case 'flag':
      return { name, type: 'bool', id, rule: 'optional' };
    case 'name':
      return { name, type: 'string', id, rule: 'optional' };
    case 'bytes':
      // Their default is that of protobuf: none. protobufjs cannot have them optional.
      return { name, type: 'bytes', id };
    case 'address':
      return { name, type: 'Address', id };
    case 'list':
      return { name, type: argument.name, id, rule: 'repeated' };
  }
}

const messageOf = (name: string, table: ArgumentTable): SchemaMessage => ({
  name,
  fields: Object.entries(table).map(([key, argument]) => fieldOf(key, argument)),
});

const addressMessages: readonly SchemaMessage[] = [
  {
    name: 'Address',
    fields: [],
    oneof: {
      name: 'kind',
      fields: [
        { name: 'literal', type: 'fixed64', id: 1 },
        { name: 'ring', type: 'RingPlace', id: 2 },
        { name: 'memory', type: 'MemoryPlace', id: 3 },
      ],
    },
  },
  {
    name: 'RingPlace',
    fields: [
      { name: 'ring', type: 'uint32', id: 1 },
      { name: 'area', type: 'uint32', id: 2, comment: '0 descriptor, 1 driver, 2 device' },
      { name: 'offset', type: 'sint32', id: 3 },
      { name: 'space', type: 'uint32', id: 4, comment: '0 guest, 1 user, 2 io' },
    ],
  },
  {
    name: 'MemoryPlace',
    fields: [
      { name: 'memory', type: 'uint32', id: 1 },
      { name: 'region', type: 'uint32', id: 2 },
      { name: 'offset', type: 'sint32', id: 3 },
      { name: 'space', type: 'uint32', id: 4, comment: '0 guest, 1 user, 2 io' },
    ],
  },
];

function schemaMessages(): SchemaMessage[] {
  const elements = new Map<string, SchemaMessage>();
  const calls: SchemaMessage[] = [];
  for (const kind of callKinds) {
    const table = argumentsOf(kind);
    calls.push(messageOf(typeOfKind(kind), table));
    const lists = Object.values(table).filter((argument): argument is ListArgument => argument.type === 'list');
    for (const { name, element } of lists) elements.set(name, messageOf(name, element));
  }
  return [
    {
      name: 'Program',
      fields: [
        { name: 'major', type: 'uint32', id: 1 },
        { name: 'minor', type: 'uint32', id: 2 },
        { name: 'calls', type: 'Call', id: 3, rule: 'repeated' },
      ],
    },
    {
      name: 'Call',
      fields: [{ name: 'id', type: 'uint32', id: 1 }],
      oneof: {
        name: 'what',
        fields: callKinds.map((kind) => ({
          name: fieldOfKind(kind),
          type: typeOfKind(kind),
          id: callTable[kind].tag,
        })),
      },
    },
    ...calls,
    ...elements.values(),
    ...addressMessages,
  ];
}

const packageName = ['vhost_conformance', 'fuzz'] as const;
export const programTypeName = `${packageName.join('.')}.Program`;

/** A field that tells absence from its default is the only one of a oneof, as compilers of proto3 make it. */
function typeOf({ fields, oneof }: SchemaMessage): IType {
  const described = [...fields, ...(oneof?.fields ?? [])].map(({ name, type, id, rule }) => [
    name,
    {
      type,
      id,
      ...(rule === 'repeated' ? { rule } : {}),
      ...(rule === 'optional' ? { options: { proto3_optional: true } } : {}),
    },
  ]);
  const oneofs = Object.fromEntries([
    ...(oneof === undefined ? [] : [[oneof.name, { oneof: oneof.fields.map(({ name }) => name) }]]),
    ...fields.filter(({ rule }) => rule === 'optional').map(({ name }) => [`_${name}`, { oneof: [name] }]),
  ]);
  return { fields: Object.fromEntries(described), oneofs };
}

/** The descriptor that protobufjs takes. */
export function programDescriptor(): INamespace {
  const types = Object.fromEntries(schemaMessages().map((message) => [message.name, typeOf(message)]));
  return { nested: { [packageName[0]]: { nested: { [packageName[1]]: { nested: types } } } } };
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function fieldText(indent: string, { name, type, id, rule, comment }: SchemaField): string[] {
  const before = comment === undefined ? [] : [`${indent}// ${comment}`];
  return [...before, `${indent}${rule === undefined ? '' : `${rule} `}${type} ${snake(name)} = ${id};`];
}

/** The text of `program.proto`. */
export function programProto(): string {
  const messages = schemaMessages().flatMap(({ name, fields, oneof }) => [
    '',
    `message ${name} {`,
    ...fields.flatMap((field) => fieldText('  ', field)),
    ...(oneof === undefined
      ? []
      : [`  oneof ${oneof.name} {`, ...oneof.fields.flatMap((field) => fieldText('    ', field)), '  }']),
    '}',
  ]);
  return [
    '// Programs of fuzzing: calls as data. Follows fuzz/program/call-table.ts.',
    '// A field that is absent has the default of that table. References are ids of earlier calls, 0 for the nearest one.',
    'syntax = "proto3";',
    `package ${packageName.join('.')};`,
    ...messages,
    '',
  ].join('\n');
}
