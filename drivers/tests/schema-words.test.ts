import t from 'tap';
import { z } from 'zod';
import { inWords, issueWords } from '../../reference-impl/schema-words.ts';

const wrong = (schema: z.ZodType, value: unknown): string =>
  issueWords(schema.safeParse(value, inWords).error?.issues ?? []);

const sized = z.object({ name: z.string().min(1).max(3), count: z.int().min(2).max(4), all: z.array(z.int()).min(1) });
const sound = { name: 'a', count: 2, all: [1] };

t.test('what a schema finds wrong is told in our words, behind the field', (t) => {
  const rows: readonly (readonly [z.ZodType, unknown, string])[] = [
    [sized, [], 'is a list, not an object'],
    [sized, null, 'is null, not an object'],
    [sized, { ...sound, name: undefined }, 'name: is missing'],
    [sized, { ...sound, name: 7 }, 'name: is a number, not text'],
    [sized, { ...sound, name: '' }, 'name: is empty'],
    [sized, { ...sound, name: 'abcd' }, 'name: is longer than 3 characters'],
    [sized, { ...sound, count: 1 }, 'count: is less than 2'],
    [sized, { ...sound, count: 5 }, 'count: is more than 4'],
    [sized, { ...sound, count: 2.5 }, 'count: is the number 2.5, not a whole number'],
    [sized, { ...sound, count: true }, 'count: is true, not a number'],
    [sized, { ...sound, all: [] }, 'all: is empty'],
    [sized, { ...sound, all: [1, 'x'] }, 'all.1: is text, not a number'],
    [z.number().positive(), 0, 'is 0 or less'],
    [z.number().lt(9), 9, 'is 9 or more'],
    [z.array(z.int()).max(1), [1, 2], 'has more than 1 entries'],
    [z.strictObject({}), { socket: 1 }, 'has a field that nobody knows: "socket"'],
    [z.strictObject({}), { a: 1, b: 2 }, 'has fields that nobody knows: "a", "b"'],
    [z.literal(1), 2, 'is not 1'],
    [z.object({ schema: z.literal(1) }), {}, 'schema: is missing'],
    [z.enum(['a', 'b']), 'c', 'is none of "a", "b"'],
    [z.string().regex(/^x$/), 'y', 'does not match /^x$/'],
    [z.iso.date(), 'y', 'is no day, as in 2027-06-30'],
    [z.uuid(), 'y', 'is no UUID'],
    [z.union([z.object({ a: z.int() }), z.object({ b: z.int() })]), {}, 'has none of the shapes that it can have'],
    [
      z.discriminatedUnion('via', [z.object({ via: z.literal('a') }), z.object({ via: z.literal('b') })]),
      { via: 'c' },
      'via: has a "via" that nobody knows',
    ],
    [z.record(z.enum(['a', 'b']), z.int()), { a: 1, c: 1 }, 'b: is missing'],
    [z.string().min(1, 'says nothing'), '', 'says nothing'],
    [z.string().refine(() => false), 'x', 'is not allowed there'],
  ];
  for (const [schema, value, expected] of rows) t.equal(wrong(schema, value), expected);
  t.end();
});
