import { AES_BLOCK_SIZE, aesCbc } from '../../../devices/aes-cbc.ts';
import { type CryptoRules, cryptoRules } from '../../../devices/crypto-rules.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, vhostUserFault } from './vhost-user-fault.ts';

const inCrypto =
  (entries: Partial<CryptoRules>): Change =>
  (rules) => ({ ...rules, crypto: { ...rules.crypto, ...entries } });

/** Sessions and requests of a crypto device. */
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
  'crypto-long-key-refused': vhostUserFault(
    'vu-crypto/told-cipher-makes-sessions',
    'no session has a key of more than 16 bytes, although configuration tells of 32',
    inCrypto({ accepts: (wish) => wish.keyLength <= 16 && cryptoRules.accepts(wish) }),
  ),
  'crypto-vector-ignored': vhostUserFault(
    'crypto/cipher-result-in-destination',
    'the initialisation vector of a request counts as zeros',
    inCrypto({ cipher: (direction, key, iv, data) => aesCbc(direction, key, new Uint8Array(iv.length), data) }),
  ),
  'crypto-blocks-not-chained': vhostUserFault(
    'crypto/cipher-result-in-destination',
    'each block of a request is taken by itself, with the vector of the first',
    inCrypto({
      cipher: (direction, key, iv, data) => {
        const result = new Uint8Array(data.length);
        for (let from = 0; from < data.length; from += AES_BLOCK_SIZE)
          result.set(aesCbc(direction, key, iv, data.subarray(from, from + AES_BLOCK_SIZE)), from);
        return result;
      },
    }),
  ),
  'crypto-decrypts-by-encrypting': vhostUserFault(
    'crypto/cipher-result-in-destination',
    'data that are to be decrypted are encrypted',
    inCrypto({ cipher: (_, key, iv, data) => aesCbc('encrypt', key, iv, data) }),
  ),
  'crypto-unknown-session-err': vhostUserFault(
    'crypto/invalid-session-told',
    'a request of a session that there is not has the status ERR',
    inCrypto({ status: (outcome) => cryptoRules.status(outcome === 'invsess' ? 'err' : outcome) }),
  ),
  'crypto-unknown-operation-err': vhostUserFault(
    'crypto/unsupported-operation-told',
    'a request of an operation that there is not has the status ERR',
    inCrypto({ status: (outcome) => cryptoRules.status(outcome === 'notsupp' ? 'err' : outcome) }),
  ),
  'crypto-unfitting-lengths-ok': vhostUserFault(
    'crypto/unfitting-lengths-fail',
    'a request whose lengths do not fit has the status OK, and no result',
    inCrypto({ status: (outcome) => cryptoRules.status(outcome === 'err' ? 'ok' : outcome) }),
  ),
} as const satisfies Record<string, VhostUserFault>;
