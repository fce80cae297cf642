import { createCipheriv } from 'node:crypto';
import { pattern } from '../../drivers/devices/request.ts';
import type { Guest, Queue } from '../../drivers/port/port.ts';
import {
  cryptoStatus,
  encodeCryptoHeader,
  VIRTIO_CRYPTO_CIPHER_DECRYPT,
  VIRTIO_CRYPTO_CIPHER_ENCRYPT,
  VIRTIO_CRYPTO_SYM_OP_CIPHER,
} from '../../reference-impl/devices/crypto-layout.ts';
import { readable, writable } from '../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../case.ts';
import { type CryptoDirection, closeSession } from './crypto-description.ts';
import { createdId, cryptoConnection } from './crypto-sessions.ts';

/** Requests of sessions that messages made (virtio 5.9.7): AES in CBC mode, which every device of ours and others have. */

const applies = {
  start: 'closed',
  transports: ['vhost-user'],
  devices: ['crypto'],
  negotiate: ['VHOST_USER_PROTOCOL_F_CRYPTO_SESSION'],
} as const;
const opcodes = { encrypt: VIRTIO_CRYPTO_CIPHER_ENCRYPT, decrypt: VIRTIO_CRYPTO_CIPHER_DECRYPT } as const;
const vectorBytes = 16;
/** No status: the device has to write one. */
const noStatus = 0xff;

interface CipherRequest {
  readonly sessionId: bigint;
  readonly direction: CryptoDirection;
  readonly vector: Uint8Array;
  readonly source: Uint8Array;
}

/** One request there and back, cut as drivers cut it. @throws as `waitForUsed`. */
function carriedOut(queue: Queue, guest: Guest, { sessionId, direction, vector, source }: CipherRequest) {
  const header = encodeCryptoHeader({
    opcode: opcodes[direction],
    sessionId,
    ivLength: vector.length,
    sourceLength: source.length,
    targetLength: source.length,
    operation: VIRTIO_CRYPTO_SYM_OP_CIPHER,
  });
  const placed = [header, vector, source].map((bytes) => {
    const span = guest.allocate({ size: bytes.length });
    span.store(bytes);
    return span;
  });
  const target = guest.allocate({ size: source.length });
  const status = guest.allocate({ size: 1 });
  target.fill(0xa5);
  status.fill(noStatus);
  queue.makeAvailable([[...placed.map(readable), writable(target), writable(status)]]);
  queue.kickAndWaitForUsed(1);
  return { status: status.load()[0], data: target.load() };
}

function encrypted(key: Uint8Array, vector: Uint8Array, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv(`aes-${8 * key.length}-cbc`, key, vector).setAutoPadding(false);
  return Uint8Array.from([...cipher.update(plain), ...cipher.final()]);
}

export const results = defineCase({
  id: 'vhost-user/crypto/data-are-encrypted-and-decrypted',
  title:
    'requests of 1, 4 and 65 blocks get the result of AES in CBC mode with the key of their session, and status OK',
  proves: {
    'crypto/cipher-result-in-destination': [
      'crypto-vector-ignored',
      'crypto-blocks-not-chained',
      'crypto-decrypts-by-encrypting',
    ],
  },
  applies,
  variants: { keyBytes: [16, 32] },
  run({ connect, driverOf, guest, ring, variant, requirement }) {
    const check = requirement('crypto/cipher-result-in-destination');
    const key = pattern(variant.keyBytes, 31);
    const connection = cryptoConnection(connect, check, { key });
    const decrypting = createdId(connection, check, 'CREATE_CRYPTO_SESSION to decrypt', { key, direction: 'decrypt' });
    check.presumes(decrypting >= 0n, 'a session that decrypts can be made');
    const queue = driverOf(connection.session).attach(ring({ size: 16 }));
    for (const blocks of [1, 4, 65]) {
      const vector = pattern(vectorBytes, 40 + blocks);
      const plain = pattern(16 * blocks, blocks);
      const secret = encrypted(key, vector, plain);
      const [sealed, opened] = [
        carriedOut(queue, guest, { sessionId: connection.id, direction: 'encrypt', vector, source: plain }),
        carriedOut(queue, guest, { sessionId: decrypting, direction: 'decrypt', vector, source: secret }),
      ];
      check.equal(sealed.status, cryptoStatus.ok, `status of ${blocks} blocks to encrypt`);
      check.bytesEqual(sealed.data, secret, `${blocks} blocks encrypted`);
      check.equal(opened.status, cryptoStatus.ok, `status of ${blocks} blocks to decrypt`);
      check.bytesEqual(opened.data, plain, `${blocks} blocks decrypted`);
    }
  },
});

export const unknownSession = defineCase({
  id: 'vhost-user/crypto/request-of-no-session-is-told',
  title: 'a request of a session that was never made, or is closed, has the status INVSESS, beside one that is open',
  proves: { 'crypto/invalid-session-told': 'crypto-unknown-session-err' },
  applies,
  run({ connect, driverOf, guest, ring, requirement }) {
    const check = requirement('crypto/invalid-session-told');
    const connection = cryptoConnection(connect, check);
    const closed = createdId(connection, check, 'CREATE_CRYPTO_SESSION a second time');
    check.presumes(closed >= 0n, 'a second session can be made');
    const { messages } = connection.session;
    messages.send(closeSession(closed));
    check.reply(messages.fence(), 'GET_FEATURES behind CLOSE_CRYPTO_SESSION');
    const queue = driverOf(connection.session).attach(ring({ size: 16 }));
    const statusOf = (sessionId: bigint) =>
      carriedOut(queue, guest, {
        sessionId,
        direction: 'encrypt',
        vector: pattern(vectorBytes, 3),
        source: pattern(32, 4),
      }).status;
    check.presumes(statusOf(connection.id) === cryptoStatus.ok, 'a request of the open session is carried out');
    check.equal(statusOf(closed), cryptoStatus.invsess, 'status of a request of the closed session');
    check.equal(statusOf(0x7fff_fff0n), cryptoStatus.invsess, 'status of a request of a session that was never made');
  },
});
