import t from 'tap';
import { aesCbc } from '../../devices/aes-cbc.ts';
import { CryptoDevice } from '../../devices/crypto-device.ts';
import {
  CRYPTO_HEADER_SIZE,
  type CryptoHeader,
  cryptoStatus,
  encodeCryptoHeader,
} from '../../devices/crypto-layout.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import {
  cryptoSessionByOperationPayload,
  cryptoSessionPayload,
  type PayloadValue,
} from '../../wire/vhost-user-payloads.ts';
import { encode, SessionUnderTest, u64 } from '../session-under-test.ts';
import { harness } from './queue-harness.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const vector = Uint8Array.from({ length: 16 }, (_, at) => at);

t.test('AES in CBC mode has the results that are known of it', async (t) => {
  // NIST SP 800-38A, F.2.1 and F.2.5: the first two blocks.
  const plain = unhex('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51');
  const known = [
    {
      key: '2b7e151628aed2a6abf7158809cf4f3c',
      secret: '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2',
    },
    {
      key: '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
      secret: 'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d',
    },
  ];
  for (const { key, secret } of known) {
    t.equal(hex(aesCbc('encrypt', unhex(key), vector, plain)), secret);
    t.equal(hex(aesCbc('decrypt', unhex(key), vector, unhex(secret))), hex(plain));
  }
});

const cipher = 3;
const key = bytesOf('Key of 16 bytes.');
const wish = { cipher, keyLength: 16, operation: 1, key };

t.test('sessions have ids of their own until they are closed', async (t) => {
  const { cryptoSessions: sessions } = new CryptoDevice();
  t.same([sessions.create(wish), sessions.create({ ...wish, opcode: 2n })], [0n, 1n]);
  t.same(sessions.keyOf(1n), key);
  t.equal(sessions.close(0n), true);
  t.equal(sessions.close(0n), false);
  t.equal(sessions.keyOf(0n), undefined);
  t.equal(sessions.create(wish), 2n, 'the id of one that is closed does not come again');
  const refused = [
    { opcode: 3n },
    { cipher: 1 },
    { operation: 2 },
    { keyLength: 0 },
    { keyLength: 17 },
    { keyLength: 24 },
  ];
  for (const part of refused) t.equal(sessions.create({ ...wish, ...part }), -1n, Object.keys(part).join());
  t.equal(sessions.create({ ...wish, keyLength: 32, key: new Uint8Array(64) }), 3n);
  for (let n = 0; n < 253; n++) t.ok(sessions.create(wish) > 0n);
  t.equal(sessions.create(wish), -1n, 'no more than 256 at once');
  sessions.forget();
  t.equal(sessions.create(wish), 0n);
});

t.test('requests are carried out with the key of their session', async (t) => {
  const device = new CryptoDevice({ queues: 2 });
  const { guest, queue } = harness(device);
  device.cryptoSessions.create({ ...wish, key: bytesOf('Another of those') });
  const sessionId = device.cryptoSessions.create(wish);
  const plain = bytesOf('Plaintext of two whole blocks...');
  const secret = aesCbc('encrypt', key, vector, plain);
  const right = { opcode: 0, sessionId, ivLength: 16, sourceLength: 32, targetLength: 32, operation: 1 };
  const carriedOut = (part: Partial<CryptoHeader>, data = plain, room = 33): [string, number] => {
    const source = guest.allocate({ size: CRYPTO_HEADER_SIZE + 16 + data.length });
    source.store(encodeCryptoHeader({ ...right, ...part }));
    source.store(vector, CRYPTO_HEADER_SIZE);
    source.store(data, CRYPTO_HEADER_SIZE + 16);
    const target = guest.allocate({ size: room });
    target.fill(0xee);
    queue(1).driver.add([readable(source), writable(target)]);
    queue(1).run();
    t.match(queue(1).driver.reapUsed(), [{ len: room }]);
    const answer = target.load();
    return [hex(answer.subarray(0, -1)), answer.at(-1) ?? -1];
  };
  const nothing = '00'.repeat(32);
  t.same(carriedOut({}), [hex(secret), cryptoStatus.ok]);
  t.same(carriedOut({ opcode: 1 }, secret), [hex(plain), cryptoStatus.ok]);
  t.same(carriedOut({ opcode: 0x100 }), [nothing, cryptoStatus.notsupp], 'a hash');
  t.same(carriedOut({ operation: 2 }), [nothing, cryptoStatus.notsupp], 'a chain of algorithms');
  t.same(carriedOut({ sessionId: 7n }), [nothing, cryptoStatus.invsess]);
  t.same(carriedOut({ sourceLength: 31 }), [nothing, cryptoStatus.err]);
  t.same(carriedOut({ targetLength: 31 }), [nothing, cryptoStatus.err]);
  t.same(carriedOut({ ivLength: 0, sourceLength: 48 }), [nothing, cryptoStatus.err], 'no initialisation vector');
  t.same(carriedOut({ sourceLength: 31 }, plain.subarray(1)), [nothing, cryptoStatus.err], 'a part of a block');
  t.same(carriedOut({ targetLength: 33 }, plain, 34), ['00'.repeat(33), cryptoStatus.err]);
  const short = guest.allocate({ size: CRYPTO_HEADER_SIZE - 1 });
  const status = guest.allocate({ size: 1 });
  queue(0).driver.add([readable(short), writable(status)]);
  queue(0).run();
  t.same(status.load(), [cryptoStatus.err]);
});

t.test('its configuration says what it has, and no driver writes it', async (t) => {
  const device = new CryptoDevice({ queues: 2 });
  const config = device.readConfig(0, device.configSize) ?? new Uint8Array();
  const view = new DataView(config.buffer);
  t.equal(device.configSize, 56);
  t.same(
    [0, 4, 8, 12, 36].map((at) => view.getUint32(at, true)),
    [1, 2, 1, 8, 32],
  );
  t.equal(view.getBigUint64(48, true), 0x1_0000n);
  t.equal(device.readConfig(50, 7), undefined);
  t.notOk('writeConfig' in device, 'a driver writes no field');
  t.equal(device.restoreConfig(56, Uint8Array.of(1)), false);
  t.ok(device.restoreConfig(4, Uint8Array.of(9)));
  t.same(device.readConfig(4, 1), [9]);
  device.reset();
  t.same(device.readConfig(4, 1), [2]);
});

t.test('sessions are made by messages of both forms, and closed', async (t) => {
  const test = new SessionUnderTest('crypto');
  test.negotiate();
  const parameters = new Uint8Array(1056);
  parameters.set([cipher, 0, 0, 0, 16]);
  parameters[24] = 1;
  parameters.set(key, 48);
  const byOperation: PayloadValue<typeof cryptoSessionByOperationPayload> = { opCode: 2n, parameters, sessionId: 0n };
  const plain: PayloadValue<typeof cryptoSessionPayload> = {
    sessionId: 0n,
    parameters: parameters.slice(0, 48),
    cipherKey: parameters.slice(48, 112),
    authKey: new Uint8Array(512),
  };
  const made = (payload: Uint8Array): Uint8Array | undefined =>
    test.send('VHOST_USER_CREATE_CRYPTO_SESSION', { payload })[0]?.payload;
  t.same(made(encode(cryptoSessionPayload, plain)), encode(cryptoSessionPayload, plain));
  const told = made(encode(cryptoSessionByOperationPayload, byOperation));
  t.same(told, encode(cryptoSessionByOperationPayload, { ...byOperation, sessionId: 1n }));
  const failed = made(encode(cryptoSessionByOperationPayload, { ...byOperation, opCode: 1n }));
  t.same(failed, encode(cryptoSessionByOperationPayload, { ...byOperation, opCode: 1n, sessionId: -1n }));
  t.same(test.session.device.cryptoSessions?.keyOf(0n), key);
  t.same(test.session.device.cryptoSessions?.keyOf(1n), key);
  const closing = { payload: u64(1n) };
  t.equal(test.acknowledgement('VHOST_USER_CLOSE_CRYPTO_SESSION', closing), 0n);
  t.not(test.acknowledgement('VHOST_USER_CLOSE_CRYPTO_SESSION', closing), 0n);
  const block = new SessionUnderTest('block');
  block.negotiate();
  t.not(block.acknowledgement('VHOST_USER_CLOSE_CRYPTO_SESSION', closing), 0n);
});
