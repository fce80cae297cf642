import type { DescriptorCount } from '../wire/message-description.ts';
import type { FrontEndMessageName } from '../wire/vhost-user-messages.ts';
import type { Handled } from './handled.ts';

/** What becomes of descriptors that came with a message. */
export interface DescriptorRules {
  /** Whether the number of descriptors suits the message. */
  readonly accepts: (count: number, expected: DescriptorCount, name: FrontEndMessageName) => boolean;
  /** Whether descriptors that no handler took are closed. */
  readonly closesUntaken: (handled: Handled['kind'], name: FrontEndMessageName | undefined) => boolean;
  /** Whether a descriptor that another one replaces is closed. */
  readonly closesReplaced: boolean;
  /** Whether what a connection held is given back at its end. */
  readonly releasesAtEnd: { readonly memory: boolean; readonly descriptors: boolean };
}

export const descriptorRules: DescriptorRules = {
  accepts: (count, { minimum, maximum }) => count >= minimum && count <= maximum,
  closesUntaken: () => true,
  closesReplaced: true,
  releasesAtEnd: { memory: true, descriptors: true },
};
