import { createCipheriv } from 'node:crypto';
import { pattern } from '../../drivers/devices/request.ts';
import type { Guest, Queue } from '../../drivers/port/port.ts';
import {
  type CryptoHeader,
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
  /** What the header says otherwise than the request is. */
  readonly header?: Partial<CryptoHeader>;
  /** Bytes of the header that are there, where not all are. */
  readonly headerBytes?: number;
  /** Bytes of the destination, where they are not those of the source. */
  readonly targetBytes?: number;
}

/** One request there and back, cut as drivers cut it. @throws as `waitForUsed`. */
function carriedOut(queue: Queue, guest: Guest, request: CipherRequest) {
  const { sessionId, direction, vector, source, headerBytes, targetBytes = source.length } = request;
  const header = encodeCryptoHeader({
    opcode: opcodes[direction],
    sessionId,
    ivLength: vector.length,
    sourceLength: source.length,
    targetLength: source.length,
    operation: VIRTIO_CRYPTO_SYM_OP_CIPHER,
    ...request.header,
  }).subarray(0, headerBytes);
  const parts = headerBytes === undefined ? [header, vector, source] : [header];
  const placed = parts.map((bytes) => {
    const span = guest.allocate({ size: bytes.length });
    span.store(bytes);
    return span;
  });
  const target = guest.allocate({ size: targetBytes });
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

const anyVector = pattern(vectorBytes, 3);

export const unknownOperations = defineCase({
  id: 'vhost-user/crypto/unknown-operation-is-told',
  title: 'a request whose opcode or whose kind of operation no text knows has the status NOTSUPP, beside a known one',
  proves: { 'crypto/unsupported-operation-told': 'crypto-unknown-operation-err' },
  applies,
  run({ connect, driverOf, guest, ring, requirement }) {
    const check = requirement('crypto/unsupported-operation-told');
    const { session, id } = cryptoConnection(connect, check);
    const queue = driverOf(session).attach(ring({ size: 16 }));
    const statusOf = (header: Partial<CryptoHeader>) => {
      const request = {
        sessionId: id,
        direction: 'encrypt',
        vector: anyVector,
        source: pattern(32, 4),
        header,
      } as const;
      return carriedOut(queue, guest, request).status;
    };
    check.presumes(statusOf({}) === cryptoStatus.ok, 'a request of a known operation is carried out');
    check.equal(statusOf({ opcode: 0x7f }), cryptoStatus.notsupp, 'status of a request with opcode 0x7f');
    check.equal(statusOf({ operation: 0x7f }), cryptoStatus.notsupp, 'status of a request with op_type 0x7f');
    check.presumes(statusOf({}) === cryptoStatus.ok, 'a request of a known operation is carried out again');
  },
});

/** Requests whose lengths do not fit, by what is wrong with them: no driver may make them. */
const flaws: Readonly<Record<string, Partial<CipherRequest>>> = {
  'a header of 71 bytes': { headerBytes: 71 },
  'a vector of 15 bytes': { vector: anyVector.subarray(1) },
  'data of one byte less than two blocks': { source: pattern(31, 4) },
  'a destination of 16 bytes for data of 32': { header: { targetLength: 16 }, targetBytes: 16 },
  'a destination of 32 bytes that is told to have 48': { source: pattern(48, 4), targetBytes: 32 },
  'data that are told to be longer than they are': { header: { sourceLength: 0xffff_fff0 } },
  'a vector that is told to be longer than it is': { header: { ivLength: 0xffff_fff0 } },
};

export const flawedRequests = defineCase({
  id: 'vhost-user/crypto/requests-whose-lengths-do-not-fit-fail',
  title:
    'a cipher request whose lengths do not fit has another status than OK, and a sound one behind it is carried out',
  proves: { 'crypto/unfitting-lengths-fail': 'crypto-unfitting-lengths-ok' },
  applies,
  run({ connect, driverOf, guest, ring, points, requirement }) {
    const check = requirement('crypto/unfitting-lengths-fail');
    const keys = Object.keys(flaws).map((key) => ({ key }));
    points(keys, ({ key }) => {
      const { session, id } = cryptoConnection(connect, check);
      const queue = driverOf(session).attach(ring({ size: 16 }));
      const sound = { sessionId: id, direction: 'encrypt', vector: anyVector, source: pattern(32, 4) } as const;
      check.presumes(carriedOut(queue, guest, sound).status === cryptoStatus.ok, 'a sound request is carried out');
      check.isBesideText = true;
      const { status = noStatus } = carriedOut(queue, guest, { ...sound, ...flaws[key] });
      check.notEqual(status, cryptoStatus.ok, `status of a request with ${key}`);
      const behind = carriedOut(queue, guest, sound).status;
      check.equal(behind, cryptoStatus.ok, `status of a sound request behind one with ${key}`);
    });
  },
});
