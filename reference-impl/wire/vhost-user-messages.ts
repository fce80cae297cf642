import { backEndMessages } from './back-end-messages.ts';
import { frontEndMessages } from './front-end-messages.ts';
import type { Direction, FormsValue, MessageDescription } from './message-description.ts';

export { backEndMessages, frontEndMessages };

type FrontEndMessage = (typeof frontEndMessages)[number];
type BackEndMessage = (typeof backEndMessages)[number];
type Message = FrontEndMessage | BackEndMessage;

export type FrontEndMessageName = FrontEndMessage['name'];
export type BackEndMessageName = BackEndMessage['name'];
export type MessageName = FrontEndMessageName | BackEndMessageName;

type MessageOf<Name extends MessageName> = Extract<Message, { readonly name: Name }>;

/** The decoded request payload of a message; a union where the message has several forms. */
export type RequestValue<Name extends MessageName> = FormsValue<MessageOf<Name>['request']>;

/** The decoded payload of the message's own reply; never when it has none. */
export type ReplyValue<Name extends MessageName> = FormsValue<NonNullable<MessageOf<Name>['reply']>>;

/** Messages whose description holds a reply of their own. */
export type RepliedMessageName = Exclude<Message, { readonly reply: undefined }>['name'];

const byName: ReadonlyMap<string, MessageDescription> = new Map(
  [...frontEndMessages, ...backEndMessages].map((message) => [message.name, message]),
);

function indexById(messages: readonly MessageDescription[]): readonly (MessageDescription | undefined)[] {
  const table: (MessageDescription | undefined)[] = [];
  for (const message of messages) {
    table[message.id] = message;
  }
  return table;
}

const byId = { 'front-end': indexById(frontEndMessages), 'back-end': indexById(backEndMessages) } as const;

/** The description of a message; RangeError for a name that the specification does not have. */
export function messageByName(name: MessageName): MessageDescription<MessageName> {
  const message = byName.get(name);
  if (message === undefined) {
    throw new RangeError(`no message is called ${name}`);
  }
  return message as MessageDescription<MessageName>;
}

/** The description of the message with this request id, undefined when there is none. */
export function messageById(direction: Direction, id: number): MessageDescription<MessageName> | undefined {
  return byId[direction][id] as MessageDescription<MessageName> | undefined;
}

/** The request id of a message. */
export const requestId: { readonly [Name in MessageName]: number } = Object.freeze(
  Object.fromEntries([...byName].map(([name, message]) => [name, message.id])),
) as { readonly [Name in MessageName]: number };
