import type { CryptoSessionRules } from '../../../devices/crypto-sessions.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, vhostUserFault } from './vhost-user-fault.ts';

const inCrypto =
  (entries: Partial<CryptoSessionRules>): Change =>
  (rules) => ({ ...rules, crypto: { ...rules.crypto, ...entries } });

/** Sessions of a crypto device. */
export const cryptoFaults = {
  'crypto-failure-tells-positive': vhostUserFault(
    'vu-crypto/session-id-or-negative-error',
    'CREATE_CRYPTO_SESSION tells a positive error number where there is no session',
    inCrypto({ failure: 22n }),
  ),
  'crypto-sessions-share-an-id': vhostUserFault(
    'vu-crypto/session-id-or-negative-error',
    'all sessions of a device have the id 0',
    inCrypto({ idOf: () => 0n }),
  ),
} as const satisfies Record<string, VhostUserFault>;
