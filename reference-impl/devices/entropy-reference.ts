import { EntropyDevice } from './entropy-device.ts';
import { type EntropyRules, entropyRules } from './entropy-rules.ts';
import type { RegisteredDevice } from './registered-device.ts';

/** It has one queue, however many are asked for. */
export const entropyReference: RegisteredDevice<EntropyRules> = {
  rules: entropyRules,
  queues: 1,
  make: ({ rules, transport }) => new EntropyDevice({ rules, transport }),
};
