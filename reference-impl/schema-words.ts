/** What a schema found wrong with a value, as the library tells it; of each kind the fields that are told. */
export interface SchemaIssue {
  readonly code?: string | undefined;
  readonly input?: unknown;
  /** Of a value of another type. */
  readonly expected?: unknown;
  /** Of a value that is none of these. */
  readonly values?: readonly unknown[];
  /** Of a bound: what is counted, and whether the bound itself is allowed. */
  readonly origin?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
  readonly inclusive?: unknown;
  readonly format?: unknown;
  readonly pattern?: unknown;
  readonly keys?: readonly string[];
  /** Of a value with several possible shapes: the field that tells them apart. */
  readonly discriminator?: unknown;
}

/** What is wrong, in words that go behind the name of a field: "is missing", "is text, not a number". */
export function schemaWords(issue: SchemaIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `is ${kindOf(issue.input)}, not ${kindNamed(issue.expected)}`;
    case 'invalid_value':
      return valueWords(issue);
    case 'too_small':
      return boundWords(issue.origin, issue.minimum, issue.inclusive, 'fewer', 'less', 'shorter');
    case 'too_big':
      return boundWords(issue.origin, issue.maximum, issue.inclusive, 'more', 'more', 'longer');
    case 'invalid_format':
      return issue.format === 'regex' ? `does not match ${String(issue.pattern)}` : `is no ${formatOf(issue.format)}`;
    case 'unrecognized_keys': {
      const keys = (issue.keys ?? []).map(quoted);
      return `has ${keys.length === 1 ? 'a field' : 'fields'} that nobody knows: ${keys.join(', ')}`;
    }
    case 'invalid_union':
      return typeof issue.discriminator === 'string'
        ? `has a ${quoted(issue.discriminator)} that nobody knows`
        : 'has none of the shapes that it can have';
    case 'invalid_key':
      return 'has a name that is not allowed there';
    default:
      return 'is not allowed there';
  }
}

const quoted = (value: unknown): string => (typeof value === 'bigint' ? String(value) : JSON.stringify(value));

function valueWords({ input, values = [] }: SchemaIssue): string {
  if (input === undefined) return 'is missing';
  const known = values.map(quoted);
  return known.length === 1 ? `is not ${known[0]}` : `is none of ${known.join(', ')}`;
}

function boundWords(
  origin: unknown,
  bound: unknown,
  inclusive: unknown,
  many: string,
  much: string,
  long: string,
): string {
  if (origin === 'string')
    return bound === 1 && long === 'shorter' ? 'is empty' : `is ${long} than ${bound} characters`;
  if (origin === 'array' || origin === 'set' || origin === 'map')
    return bound === 1 && many === 'fewer' ? 'is empty' : `has ${many} than ${bound} entries`;
  return inclusive === false ? `is ${bound} or ${much}` : `is ${much} than ${bound}`;
}

const formats: Readonly<Record<string, string>> = {
  date: 'day, as in 2027-06-30',
  datetime: 'moment, as in 2027-06-30T12:00:00Z',
  uuid: 'UUID',
  url: 'address of a page',
  base64: 'base64',
  safeint: 'whole number that can be told exactly',
};
const formatOf = (format: unknown): string => formats[String(format)] ?? String(format);

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
  undefined: 'left out',
};
const kindNamed = (type: unknown): string => kinds[String(type)] ?? String(type);

function kindOf(input: unknown): string {
  if (input === null) return 'null';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'boolean') return String(input);
  if (typeof input === 'number') return Number.isSafeInteger(input) ? 'a number' : `the number ${input}`;
  return kindNamed(typeof input);
}

/** Goes beside a value to a schema's `safeParse`: its issues then have our words, where the schema has none of its own. */
export const inWords = { error: schemaWords };

interface PlacedIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** An issue with the field that it is of: `facts.name: is missing`. Nothing stands before a value as a whole. */
export function placedWords({ path, message }: PlacedIssue): string {
  const field = path.map(String).join('.');
  return field === '' ? message : `${field}: ${message}`;
}

/** The first issue with its field. */
export const issueWords = ([issue]: readonly PlacedIssue[]): string =>
  issue === undefined ? 'is not as its schema has it' : placedWords(issue);
