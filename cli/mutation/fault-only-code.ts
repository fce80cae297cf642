import { type Extent, extentOf, isWithin } from './extent.ts';
import { KeptValues } from './kept-values.ts';
import { unusedMethod } from './only-for-faults.ts';
import type { ReadParameters } from './read-parameters.ts';
import { type Constant, isSameConstant, tableConstants } from './rule-constants.ts';

/** What is read of a node of the syntax tree. */
interface Node extends Extent {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Binding {
  readonly constant: boolean;
  readonly path: { readonly node: Node; readonly scope: Scope };
}

interface Scope {
  getBinding(name: string): Binding | undefined;
}

interface Path {
  readonly node: Node;
  readonly scope: Scope;
}

/** What the rule tables of the reference decide in a file before it runs. It is shown each node of its syntax tree. */
export class DecidedCode {
  readonly #unreached: Extent[] = [];
  readonly #conditions = new Map<string, boolean>();
  /** Functions that answer false, 0 or undefined in any case: the compiler refuses undefined in place of 0. */
  readonly #nothing = new Set<string>();
  readonly #kept = new KeptValues();

  look(path: object, usedNames: ReadonlySet<string>): void {
    const { node, scope } = path as Path;
    this.#kept.look(path);
    const unused = unusedMethod(path, usedNames);
    if (unused !== undefined) this.#unreached.push(unused);
    this.#unreached.push(...unreachedOf(node, scope));
    const value = isExpression(node) ? constantOf(node, scope) : undefined;
    if (value !== undefined) this.#conditions.set(extentOf(node), isTruthy(value));
    const { body } = node;
    const result = node.type === 'ArrowFunctionExpression' && isNode(body) ? constantOf(body, scope) : undefined;
    if (result?.value === false || result?.value === 0 || (result !== undefined && result.value === undefined)) {
      this.#nothing.add(extentOf(node));
    }
  }

  /** Whether a change is of code that only a fault reaches, or makes a condition what the rules make it anyway. */
  covers(extent: Extent, replacement: string): boolean {
    if (this.#isUnreached(extent) || this.#kept.areUnread(extent, (one) => this.#isUnreached(one))) return true;
    if (replacement === '() => undefined' && this.#nothing.has(extentOf(extent))) return true;
    const value = this.#conditions.get(extentOf(extent));
    return value !== undefined && replacement === String(value);
  }

  #isUnreached(extent: Extent): boolean {
    return this.#unreached.some((one) => isWithin(extent, one));
  }
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
const isExpression = ({ type }: Node): boolean => type === 'Identifier' || /Expression$/.test(type);
const isTruthy = ({ value }: Constant): boolean => (Array.isArray(value) ? true : Boolean(value));

/** The parts of a node that its constant parts keep from running, or that a constant value does not depend on. */
function unreachedOf(node: Node, scope: Scope): Node[] {
  const parts = (...names: string[]): Node[] => names.map((name) => node[name]).filter(isNode);
  const valueOfPart = (name: string): Constant | undefined => {
    const part = node[name];
    return isNode(part) ? constantOf(part, scope) : undefined;
  };
  switch (node.type) {
    case 'IfStatement':
    case 'ConditionalExpression': {
      const test = valueOfPart('test');
      if (test !== undefined) return parts(isTruthy(test) ? 'alternate' : 'consequent');
      const whole = node.type === 'ConditionalExpression' ? constantOf(node, scope) : undefined;
      return whole === undefined ? [] : parts('test');
    }
    case 'CallExpression': {
      const entry = entryOf(node['callee'], scope);
      if (entry === undefined) return [];
      const given = node['arguments'] as readonly Node[];
      return tableConstants.results.has(entry) ? [...given] : unreadArguments(given, tableConstants.reads.get(entry));
    }
    case 'LogicalExpression': {
      const left = valueOfPart('left');
      if (left === undefined) return [];
      if (node['operator'] === '??') return left.value === undefined ? [] : parts('right');
      return isTruthy(left) === (node['operator'] === '||') ? parts('right') : [];
    }
    case 'ForOfStatement': {
      const over = valueOfPart('right')?.value;
      return Array.isArray(over) && over.length === 0 ? parts('body') : [];
    }
    case 'BlockStatement':
    case 'ExpressionStatement':
      return doesNothing(node, scope) ? [node] : [];
  }
  return [];
}

/** Arguments of a rule, and fields of them, that no table reads which is tried. */
function unreadArguments(given: readonly Node[], reads: ReadParameters | undefined): Node[] {
  if (reads === undefined || given.some(({ type }) => type === 'SpreadElement')) return [];
  return given.flatMap((argument, position) => {
    const read = reads.at(position);
    if (read === 'all') return [];
    if (read === 'nothing') return [argument];
    if (argument.type !== 'ObjectExpression') return [];
    const fields = argument['properties'] as readonly Node[];
    return fields.filter(({ type, key }) => type === 'ObjectProperty' && !read.has(nameOf(key)));
  });
}

/** Whether a statement calls an entry of a rule table that does nothing, or is a block of such calls. */
function doesNothing(node: Node, scope: Scope): boolean {
  if (node.type === 'BlockStatement') {
    const body = node['body'] as readonly Node[];
    return body.length > 0 && body.every((statement) => doesNothing(statement, scope));
  }
  const call = node['expression'];
  if (node.type !== 'ExpressionStatement' || !isNode(call) || call.type !== 'CallExpression') return false;
  const entry = entryOf(call['callee'], scope);
  return entry !== undefined && tableConstants.results.has(entry) && constantOf(call, scope)?.value === undefined;
}

/** The value of an expression, where rule tables and literals alone decide it. */
function constantOf(node: Node, scope: Scope): Constant | undefined {
  const part = (name: string): Constant | undefined => {
    const one = node[name];
    return isNode(one) ? constantOf(one, scope) : undefined;
  };
  switch (node.type) {
    case 'BooleanLiteral':
    case 'NumericLiteral':
    case 'StringLiteral':
      return { value: node['value'] as boolean | number | string };
    case 'Identifier':
      return node['name'] === 'undefined' ? { value: undefined } : constantOfName(node['name'] as string, scope);
    case 'MemberExpression':
      return isTable(node['object'], scope) ? valueOfEntry(node) : undefined;
    case 'CallExpression': {
      const entry = entryOf(node['callee'], scope);
      return entry === undefined ? undefined : tableConstants.results.get(entry);
    }
    case 'UnaryExpression': {
      const argument = part('argument');
      return node['operator'] === '!' && argument !== undefined ? { value: !isTruthy(argument) } : undefined;
    }
    case 'LogicalExpression': {
      const left = part('left');
      const right = part('right');
      if (node['operator'] === '??') return left === undefined ? undefined : left.value === undefined ? right : left;
      const deciding = node['operator'] === '||';
      return left?.value === deciding || right?.value === deciding ? { value: deciding } : undefined;
    }
    case 'BinaryExpression': {
      const left = part('left');
      const right = part('right');
      return left === undefined || right === undefined ? undefined : compared(node['operator'] as string, left, right);
    }
    case 'ConditionalExpression': {
      const test = part('test');
      if (test !== undefined) return part(isTruthy(test) ? 'consequent' : 'alternate');
      const [one, other] = [part('consequent'), part('alternate')];
      return one !== undefined && other !== undefined && isSameConstant(one, other) ? one : undefined;
    }
  }
  return undefined;
}

function compared(operator: string, left: Constant, right: Constant): Constant | undefined {
  if (operator === '===') return { value: left.value === right.value };
  if (operator === '!==') return { value: left.value !== right.value };
  if (typeof left.value !== 'number' || typeof right.value !== 'number') return undefined;
  if (operator === '>') return { value: left.value > right.value };
  if (operator === '<') return { value: left.value < right.value };
  return undefined;
}

const nameOf = (node: unknown): string => (isNode(node) ? String(node['name'] ?? nameOf(node['id'])) : '');

function valueOfEntry({ object, property }: Node): Constant | undefined {
  const table = isNode(object) && object.type === 'MemberExpression' ? nameOf(object['property']) : nameOf(object);
  const name = nameOf(property);
  return tableConstants.values.get(`${table}.${name}`) ?? tableConstants.values.get(name);
}

/** The declaration of a name that has one value. */
function declarationOf(name: string, scope: Scope): { readonly node: Node; readonly scope: Scope } | undefined {
  const binding = scope.getBinding(name);
  return binding?.constant === true && binding.path.node.type === 'VariableDeclarator' ? binding.path : undefined;
}

/** Which field a declaration takes a name from: `{ name }` or `{ field: name }`. */
function fieldOf(pattern: unknown, name: string): string | undefined {
  if (!isNode(pattern) || pattern.type !== 'ObjectPattern') return undefined;
  const properties = pattern['properties'] as readonly Node[];
  const field = properties.find(({ value }) => isNode(value) && value['name'] === name);
  return field === undefined ? undefined : nameOf(field['key']);
}

function constantOfName(name: string, scope: Scope): Constant | undefined {
  const declared = declarationOf(name, scope);
  if (declared === undefined) return undefined;
  const { id, init } = declared.node;
  if (isNode(id) && id.type === 'Identifier') return isNode(init) ? constantOf(init, declared.scope) : undefined;
  const field = fieldOf(id, name);
  return field !== undefined && isTable(init, declared.scope) ? tableConstants.values.get(field) : undefined;
}

/** The entry of a rule table that is called. */
function entryOf(callee: unknown, scope: Scope): string | undefined {
  if (!isNode(callee)) return undefined;
  if (callee.type === 'MemberExpression')
    return isTable(callee['object'], scope) ? nameOf(callee['property']) : undefined;
  if (callee.type !== 'Identifier') return undefined;
  const declared = declarationOf(nameOf(callee), scope);
  const field = declared === undefined ? undefined : fieldOf(declared.node['id'], nameOf(callee));
  return field !== undefined && isTable(declared?.node['init'], declared?.scope ?? scope) ? field : undefined;
}

/** Whether an expression is a table of rules or a part of one. */
function isTable(node: unknown, scope: Scope): boolean {
  if (!isNode(node)) return false;
  if (node.type === 'MemberExpression') return isRules(nameOf(node['property'])) || isTable(node['object'], scope);
  if (node.type !== 'Identifier') return false;
  const name = nameOf(node);
  if (isRules(name)) return true;
  const declared = declarationOf(name, scope);
  if (declared === undefined) return false;
  const { id, init } = declared.node;
  const field = fieldOf(id, name);
  return (field !== undefined && isRules(field)) || isTable(init, declared.scope);
}

const isRules = (name: string): boolean => name === 'rules' || name === 'transport';
