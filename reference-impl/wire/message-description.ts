import type { Codec } from './compile-layout.ts';
import {
  hasBit,
  type VhostUserProtocolFeature,
  type VhostUserVirtioFeature,
  vhostUserProtocolFeatures,
  vhostUserVirtioFeatures,
} from './vhost-user-constants.ts';

/** Who sends the request: the front-end on the main socket, or the back-end on the one of SET_BACKEND_REQ_FD. */
export type Direction = 'front-end' | 'back-end';

/** A feature that a message or a payload form hangs on. Of virtio features, `offered` is enough for some. */
export type Gate =
  | { readonly word: 'virtio'; readonly feature: VhostUserVirtioFeature; readonly state: 'offered' | 'negotiated' }
  | { readonly word: 'protocol'; readonly feature: VhostUserProtocolFeature; readonly state: 'negotiated' };

/** What a decoder knows of the session. A word left out is not known, and nothing that hangs on it is judged. */
export interface NegotiatedContext {
  /** Feature word of the GET_FEATURES reply. */
  readonly offeredFeatures?: bigint;
  /** Feature word of SET_FEATURES. */
  readonly features?: bigint;
  /** Word of SET_PROTOCOL_FEATURES. */
  readonly protocolFeatures?: bigint;
  /** POSTCOPY_LISTEN was acknowledged: SET_MEM_TABLE and ADD_MEM_REG have replies of their own from then on. */
  readonly isPostcopyListening?: boolean;
}

/** One way a payload may look. With `when`, only if that feature is negotiated (or, `isSet: false`, is not). */
export interface PayloadForm<Value = unknown> {
  readonly codec: Codec<Value>;
  readonly when?: { readonly gate: Gate; readonly isSet: boolean };
}

export interface DescriptorCount {
  readonly minimum: number;
  readonly maximum: number;
}

/**
 * How many descriptors a decoded payload calls for:
 * one per region of the table, or as bit 8 of the u64 says.
 */
export type DescriptorRule = 'as-counted' | 'one-per-region' | 'unless-no-fd-flag';

/** When the receiver answers with the message's own reply (and not with an acknowledgement that REPLY_ACK asks for). */
export type OwnReply = 'never' | 'always' | 'with-log-shmfd' | 'after-postcopy-listen';

export interface MessageDescription<
  Name extends string = string,
  RequestForms extends readonly PayloadForm[] = readonly PayloadForm[],
  ReplyForms extends readonly PayloadForm[] | undefined = readonly PayloadForm[] | undefined,
> {
  readonly id: number;
  readonly name: Name;
  /** The name before `SLAVE` became `BACKEND`. */
  readonly previousName: string | undefined;
  readonly direction: Direction;
  readonly request: RequestForms;
  /** Forms of the message's own reply; undefined when it has none. */
  readonly reply: ReplyForms;
  readonly ownReply: OwnReply;
  readonly requestDescriptors: DescriptorCount;
  readonly requestDescriptorRule: DescriptorRule;
  /** More descriptors than this are not an error of the sender that a receiver must see as one (REM_MEM_REG). */
  readonly toleratedDescriptors: number;
  readonly replyDescriptors: DescriptorCount;
  readonly replyDescriptorRule: DescriptorRule;
  /** All of them must hold. */
  readonly gate: readonly Gate[];
  /** In the newest text alone: an implementation that does not know it is not wrong. */
  readonly newestOnly: boolean;
}

export function protocolGate(feature: VhostUserProtocolFeature): Gate {
  return { word: 'protocol', feature, state: 'negotiated' };
}

export function virtioGate(feature: VhostUserVirtioFeature, state: 'offered' | 'negotiated' = 'negotiated'): Gate {
  return { word: 'virtio', feature, state };
}

/** Whether the gate holds; undefined when the context does not tell. */
export function isGateOpen(gate: Gate, context: NegotiatedContext): boolean | undefined {
  if (gate.word === 'protocol') {
    const word = context.protocolFeatures;
    return word === undefined ? undefined : hasBit(word, vhostUserProtocolFeatures[gate.feature]);
  }
  const word = gate.state === 'offered' ? context.offeredFeatures : context.features;
  return word === undefined ? undefined : hasBit(word, vhostUserVirtioFeatures[gate.feature]);
}

/** Whether the message is answered by a reply of its own; undefined when the context does not tell. */
export function hasOwnReply(message: MessageDescription, context: NegotiatedContext): boolean | undefined {
  switch (message.ownReply) {
    case 'never':
      return false;
    case 'always':
      return true;
    case 'with-log-shmfd':
      return isGateOpen(protocolGate('VHOST_USER_PROTOCOL_F_LOG_SHMFD'), context);
    case 'after-postcopy-listen':
      return context.isPostcopyListening;
  }
}

export interface MessageOptions {
  readonly previousName?: string;
  readonly request?: readonly PayloadForm[];
  readonly reply?: readonly PayloadForm[];
  readonly ownReply?: OwnReply;
  readonly fds?: readonly [number, number];
  readonly fdRule?: DescriptorRule;
  readonly toleratedFds?: number;
  readonly replyFds?: readonly [number, number];
  readonly replyFdRule?: DescriptorRule;
  readonly gate?: readonly Gate[];
  readonly newestOnly?: boolean;
}

type RequestForms<O extends MessageOptions, Empty extends readonly PayloadForm[]> = O extends {
  readonly request: infer Forms extends readonly PayloadForm[];
}
  ? Forms
  : Empty;

type ReplyForms<O extends MessageOptions> = O extends { readonly reply: infer Forms extends readonly PayloadForm[] }
  ? Forms
  : undefined;

function counted(range: readonly [number, number] | undefined): DescriptorCount {
  return { minimum: range?.[0] ?? 0, maximum: range?.[1] ?? 0 };
}

/** Fills in what the options leave out: no payload, no reply, no descriptors, no gate. */
export function describeMessages<const Empty extends readonly PayloadForm[]>(direction: Direction, empty: Empty) {
  return <const Name extends string, const O extends MessageOptions = Record<never, never>>(
    id: number,
    name: Name,
    options: O,
  ): MessageDescription<Name, RequestForms<O, Empty>, ReplyForms<O>> => ({
    id,
    name,
    previousName: options.previousName,
    direction,
    request: (options.request ?? empty) as RequestForms<O, Empty>,
    reply: options.reply as ReplyForms<O>,
    ownReply: options.ownReply ?? (options.reply === undefined ? 'never' : 'always'),
    requestDescriptors: counted(options.fds),
    requestDescriptorRule: options.fdRule ?? 'as-counted',
    toleratedDescriptors: options.toleratedFds ?? options.fds?.[1] ?? 0,
    replyDescriptors: counted(options.replyFds),
    replyDescriptorRule: options.replyFdRule ?? 'as-counted',
    gate: options.gate ?? [],
    newestOnly: options.newestOnly ?? false,
  });
}

/** The value of whichever form a payload takes. */
export type FormsValue<Forms> = Forms extends readonly (infer Form)[]
  ? Form extends { readonly codec: Codec<infer Value> }
    ? Value
    : never
  : never;
