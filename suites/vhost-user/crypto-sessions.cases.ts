import { pattern } from '../../drivers/devices/request.ts';
import { VIRTIO_CRYPTO_CIPHER_AES_CBC } from '../../reference-impl/devices/crypto-layout.ts';
import { defineCase } from '../case.ts';
import { fieldFrom } from '../virtio/device-parts.ts';
import { closeSession } from './crypto-description.ts';
import { createdId, cryptoConnection, madeByAnyForm } from './crypto-sessions.ts';

/** Sessions of crypto devices (vhost-user, "VHOST_USER_CREATE_CRYPTO_SESSION"). */

const rule = 'vu-crypto/session-id-or-negative-error';

export const sessionIds = defineCase({
  id: 'vhost-user/crypto/session-ids-are-told-or-negative-numbers',
  title:
    'CREATE_CRYPTO_SESSION tells each open session an id of its own, 0 or more, and a negative number for a session of no cipher',
  proves: { [rule]: ['crypto-failure-tells-positive', 'crypto-sessions-share-an-id'] },
  applies: {
    start: 'closed',
    transports: ['vhost-user'],
    devices: ['crypto'],
    negotiate: ['VHOST_USER_PROTOCOL_F_CRYPTO_SESSION'],
    ring: 'none',
  },
  run({ connect, requirement }) {
    const check = requirement(rule);
    const connection = cryptoConnection(connect, check);
    const { session, id: first } = connection;
    const second = createdId(connection, check, 'CREATE_CRYPTO_SESSION a second time');
    check.holds(second >= 0n && second !== first, 'id of the second session', {
      expected: `0 or more, and not ${first}`,
      actual: String(second),
    });
    const refused = createdId(connection, check, 'CREATE_CRYPTO_SESSION of a cipher that there is not', {
      algorithm: 0xffff_fff0,
    });
    check.holds(refused < 0n, 'id of a session of a cipher that there is not', {
      expected: 'a negative number',
      actual: String(refused),
    });
    for (const id of [first, second]) session.messages.send(closeSession(id));
    check.reply(session.messages.fence(), 'GET_FEATURES behind CLOSE_CRYPTO_SESSION');
    const again = createdId(connection, check, 'CREATE_CRYPTO_SESSION behind the end of both');
    check.holds(again >= 0n, 'id of a session behind the end of both', {
      expected: '0 or more',
      actual: String(again),
    });
  },
});

const ciphers = { name: 'cipher_algo_l', at: 12, bytes: 4 } as const;
const longestKey = { name: 'max_cipher_key_len', at: 36, bytes: 4 } as const;

/** The text leaves open what describes a session: a back-end that takes no description of front-ends serves none of them. */
export const toldCiphers = defineCase({
  id: 'vhost-user/crypto/a-cipher-of-configuration-makes-a-session',
  title:
    'where configuration tells of AES in CBC mode and of keys as long, a description that front-ends send makes a session',
  proves: { 'vu-crypto/told-cipher-makes-sessions': 'crypto-long-key-refused' },
  applies: {
    start: 'closed',
    transports: ['vhost-user'],
    devices: ['crypto'],
    negotiate: ['VHOST_USER_PROTOCOL_F_CRYPTO_SESSION', 'VHOST_USER_PROTOCOL_F_CONFIG'],
    ring: 'none',
  },
  variants: { keyBytes: [16, 32] },
  run({ connect, variant, requirement }) {
    const check = requirement('vu-crypto/told-cipher-makes-sessions');
    const { keyBytes } = variant;
    const session = connect('negotiated');
    const isTold = (fieldFrom(session, check, ciphers) & (1 << VIRTIO_CRYPTO_CIPHER_AES_CBC)) !== 0;
    check.presumes(isTold, 'configuration tells of AES in CBC mode');
    check.presumes(
      fieldFrom(session, check, longestKey) >= keyBytes,
      `configuration tells of keys of ${keyBytes} bytes`,
    );
    session.close();
    const made = madeByAnyForm(connect, { key: pattern(keyBytes, 5) });
    check.equal(made !== undefined, true, `whether a session of AES with a key of ${keyBytes} bytes is made`);
  },
});
