import { aesCbc } from './aes-cbc.ts';
import { type CryptoOutcome, cryptoStatus } from './crypto-layout.ts';
import { type CryptoSessionRules, cryptoSessionRules } from './crypto-sessions.ts';

/** What the crypto device does with sessions and requests by choice; a fault replaces one entry. */
export interface CryptoRules extends CryptoSessionRules {
  /** What a request makes of its data. */
  readonly cipher: typeof aesCbc;
  readonly status: (outcome: CryptoOutcome) => number;
}

export const cryptoRules: CryptoRules = {
  ...cryptoSessionRules,
  cipher: aesCbc,
  status: (outcome) => cryptoStatus[outcome],
};
