import type { Codec } from './compile-layout.ts';
import type { MessageDescription } from './message-description.ts';
import type { BackEndMessageName, FrontEndMessageName, MessageName, RequestValue } from './vhost-user-messages.ts';

export interface DecodedHeader {
  readonly request: number;
  readonly flags: number;
  readonly size: number;
  readonly needsReply: boolean;
}

interface DecodedMessageOf<Name extends MessageName, Value> extends DecodedHeader {
  readonly name: Name;
  readonly message: MessageDescription<MessageName>;
  /** The form that the payload took. */
  readonly codec: Codec<unknown>;
  readonly value: Value;
  readonly descriptorCount: number;
}

/** A request of the front-end, told apart by `name`. */
export type FrontEndRequest = {
  [Name in FrontEndMessageName]: DecodedMessageOf<Name, RequestValue<Name>>;
}[FrontEndMessageName];

/** A request of the back-end, told apart by `name`. */
export type BackEndRequest = {
  [Name in BackEndMessageName]: DecodedMessageOf<Name, RequestValue<Name>>;
}[BackEndMessageName];

export type DecodedRequest = FrontEndRequest | BackEndRequest;

/** A reply: `isAcknowledgement` when it is the u64 that REPLY_ACK asks for and not the message's own. */
export interface DecodedReply extends DecodedMessageOf<MessageName, unknown> {
  readonly isAcknowledgement: boolean;
}
