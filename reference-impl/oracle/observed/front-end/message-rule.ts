import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { FrontEndRequest } from '../../../wire/decoded-message.ts';
import type { Judgement } from '../judgement.ts';
import type { FrontEndStory } from './story.ts';

/** What one requirement asks of a message, given all that came before it. */
export interface ObservedMessageRule {
  readonly requirement: RequirementSlug;
  readonly judge: (request: FrontEndRequest, before: FrontEndStory) => Judgement;
}

export const hexWord = (word: bigint): string => `0x${word.toString(16)}`;
