/** What each vhost-user message does and when it is refused, in words; its layout is that of ../wire. */
import { CatalogueError } from '../errors.ts';
import { numberOf, objectOf, oneOf, stringOf } from './checked-json.ts';
import { type FeatureName, featureNamesOf } from './features.ts';
import { type SourceName, sourceNameOf } from './sources.ts';
import messages from './vhost-user-messages.json' with { type: 'json' };

export type VhostUserMessageName = keyof typeof messages;

export interface VhostUserMessageFacts {
  readonly name: VhostUserMessageName;
  readonly id: number;
  /** Who sends the request. */
  readonly side: 'front-end' | 'back-end';
  /** All of them have to be negotiated (GET_ and SET_PROTOCOL_FEATURES: offered is enough). */
  readonly features: readonly FeatureName[];
  readonly since: SourceName;
  readonly text: string;
  /** What the receiver refuses, or that the text describes nothing. */
  readonly refusal: string;
}

function isMessageName(name: string): name is VhostUserMessageName {
  return Object.hasOwn(messages, name);
}

function factsFrom(name: VhostUserMessageName, value: unknown): VhostUserMessageFacts {
  const where = `vhost-user-messages.json ${name}`;
  const written = objectOf(value, where);
  return {
    name,
    id: numberOf(written['id'], where),
    side: oneOf(['front-end', 'back-end'], written['side'], where),
    features: featureNamesOf(written['features'], where),
    since: sourceNameOf(written['since'], where),
    text: stringOf(written['text'], where),
    refusal: stringOf(written['refusal'], where),
  };
}

const facts: ReadonlyMap<string, VhostUserMessageFacts> = new Map(
  Object.keys(messages)
    .filter(isMessageName)
    .map((name) => [name, factsFrom(name, messages[name])]),
);

/** Requests of the front-end by id, then those of the back-end. */
export function allVhostUserMessages(): readonly VhostUserMessageFacts[] {
  return [...facts.values()];
}

/** @throws CatalogueError for a name that no message has */
export function vhostUserMessage(name: VhostUserMessageName): VhostUserMessageFacts {
  const found = facts.get(name);
  if (found === undefined) throw new CatalogueError(`no vhost-user message is called ${name}`);
  return found;
}
