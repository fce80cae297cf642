import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import t from 'tap';
import { anyProgram } from '../arbitraries/any-program.ts';
import { argumentsOf, callKinds, callTable, madeBy } from '../program/call-table.ts';
import { parseProgram } from '../program/parse-program.ts';
import { printProgram } from '../program/print-program.ts';
import { callOf, nextId, ProgramError } from '../program/program.ts';
import { decodeProgram, encodeProgram } from '../program/program-encoding.ts';
import { programDescriptor, programProto } from '../program/program-schema.ts';
import { resolved, withReferences } from '../program/references.ts';

t.test('a program is the same behind its text and behind protobuf', (t) => {
  fc.assert(
    fc.property(anyProgram, (program) => {
      assert.deepEqual(parseProgram(printProgram(program)), program);
      assert.deepEqual(decodeProgram(encodeProgram(program)), program);
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test('the text leaves out what is the default, and reads what is written by hand', (t) => {
  const text = [
    'r1 = connect',
    'r2 = negotiate device=0x100000000',
    'r3 = memory-table regions=[{region=1 size=0x10} {userAddress=user:memory(r9).1-16}]',
    'r4 = chain segments=[{bytes=00*16} {writable=yes length=512}] direct=0',
    '',
  ].join('\n');
  t.equal(printProgram(parseProgram(`# a comment\n\n${text.replace('{region', '{  region')} # another`)), text);
  t.end();
});

t.test('text that is no program is refused, with its place', (t) => {
  const wrong: [text: string, message: RegExp][] = [
    ['connect', /line 1, column 1: a call is written as/],
    ['r1 = dance', /dance is no kind of call; there are connect,/],
    ['\nr1 = kick queu=r1', /line 2, column \d+: queu is no argument; there are queue/],
    ['r1 = kick queue=1', /queue: 1 is no id of a call/],
    ['r1 = ring size=65536', /size: 65536 is no number of 16 bits/],
    ['r1 = ring size=1 size=2', /size is there twice/],
    ['r1 = chain segments=[{length=1', /} is missing/],
    ['r1 = chain segments=[length=1]', /an element begins with/],
    ['r1 = bytes bytes=0', /bytes: 0 is no hexadecimal text/],
    ['r1 = bytes bytes=00*999999', /hexadecimal text of at most 65536 bytes/],
    ['r1 = change at=user:ring.nowhere', /is no address/],
    ['r1 = connect\nr1 = connect', /id 1 is there twice/],
    ['r0 = connect', /0 is no id/],
  ];
  for (const [text, message] of wrong) t.throws(() => parseProgram(text), { constructor: ProgramError, message }, text);
  t.end();
});

t.test('bytes that are no program are refused', (t) => {
  const newer = encodeProgram({ calls: [callOf('connect', 1)] });
  newer[1] = 2;
  t.throws(() => decodeProgram(newer), { constructor: ProgramError, message: /program schema 2\.0/ });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeProgram(bytes);
      } catch (error) {
        assert.ok(error instanceof ProgramError, String(error));
      }
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('program.proto is the schema in use', (t) => {
  const path = fileURLToPath(new URL('../../../fuzz/program/program.proto', import.meta.url));
  t.equal(readFileSync(path, 'utf8'), programProto(), 'else run: node dist/fuzz/program/print-schema.js');
  const inUse = protobuf.Root.fromJSON(programDescriptor()).resolveAll();
  const compiled = protobuf.parse(programProto()).root.resolveAll();
  for (const name of ['Program', 'Call', 'RingCall', 'MessageCall', 'Segment', 'Address']) {
    const path = `vhost_conformance.fuzz.${name}`;
    const fields = (root: protobuf.NamespaceBase) =>
      root.lookupType(path).fieldsArray.map(({ name, id, type, repeated }) => ({ name, id, type, repeated }));
    t.strictSame(fields(inUse), fields(compiled), name);
  }
  t.end();
});

t.test('numbers of messages and fields are there once', (t) => {
  const tags = callKinds.map((kind) => callTable[kind].tag);
  t.equal(new Set(tags).size, tags.length);
  for (const kind of callKinds) {
    const ofArguments = Object.values(argumentsOf(kind)).map(({ tag }) => tag);
    t.equal(new Set(ofArguments).size, ofArguments.length, kind);
  }
  t.end();
});

t.test(
  'a resolved program refers to earlier calls that make the thing, and resolving it again changes nothing',
  (t) => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        const after = resolved(program);
        const made = new Map<number, string | undefined>();
        for (const call of after.calls) {
          withReferences(call, (id, to) => {
            if (id !== 0 || (to !== 'event' && to !== 'change')) assert.equal(made.get(id), to);
            return id;
          });
          assert.ok(!made.has(call.id));
          made.set(call.id, madeBy(call.kind));
        }
        assert.deepEqual(resolved(after), after);
        const ids = new Set(program.calls.map(({ id }) => id));
        assert.deepEqual(
          after.calls.filter(({ id }) => ids.has(id)).map(({ id, kind }) => ({ id, kind })),
          program.calls.map(({ id, kind }) => ({ id, kind })),
        );
      }),
      { numRuns: 200 },
    );
    t.end();
  },
);

t.test('a reference that lost its call means the nearest earlier one of the kind, else a default', (t) => {
  const program = {
    calls: [
      callOf('connect', 1),
      callOf('connect', 2),
      callOf('fence', 3, { session: 7 }),
      callOf('fence', 4, { session: 1 }),
    ],
  };
  t.same(
    resolved(program).calls.map((call) => ('session' in call ? call.session : 0)),
    [0, 0, 2, 1],
  );
  const alone = resolved({ calls: [callOf('kick', 1)] });
  t.same(
    alone.calls.map(({ kind }) => kind),
    ['connect', 'negotiate', 'memory', 'share', 'ring', 'attach', 'kick'],
  );
  t.equal(nextId(alone), 8);
  t.end();
});
