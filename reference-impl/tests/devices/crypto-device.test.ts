import t from 'tap';
import { arc4 } from '../../devices/arc4.ts';
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

t.test('ARC4 has the key stream that is known of it', async (t) => {
  t.equal(hex(arc4(bytesOf('Key'), bytesOf('Plaintext'))), 'bbf316e8d940af0ad3');
  t.equal(hex(arc4(bytesOf('Wiki'), bytesOf('pedia'))), '1021bf0420');
  t.equal(hex(arc4(Uint8Array.of(1, 2, 3, 4, 5), new Uint8Array(16))), 'b2396305f03dc027ccc3524a0a1118a8');
  const long = Uint8Array.from({ length: 600 }, (_, at) => at & 0xff);
  t.same(arc4(bytesOf('k'), arc4(bytesOf('k'), long)), long);
});

const cipher = 1;
const wish = { cipher, keyLength: 3, operation: 1, key: bytesOf('Key   ') };

t.test('sessions have ids of their own until they are closed', async (t) => {
  const { cryptoSessions: sessions } = new CryptoDevice();
  t.same([sessions.create(wish), sessions.create({ ...wish, opcode: 2n })], [0n, 1n]);
  t.same(sessions.keyOf(1n), bytesOf('Key'));
  t.equal(sessions.close(0n), true);
  t.equal(sessions.close(0n), false);
  t.equal(sessions.keyOf(0n), undefined);
  t.equal(sessions.create(wish), 2n, 'the id of one that is closed does not come again');
  const refused = [{ opcode: 3n }, { cipher: 3 }, { operation: 2 }, { keyLength: 0 }, { keyLength: 7 }];
  for (const part of refused) t.equal(sessions.create({ ...wish, ...part }), -1n, Object.keys(part).join());
  t.equal(sessions.create({ ...wish, keyLength: 6 }), 3n);
  for (let n = 0; n < 253; n++) t.ok(sessions.create(wish) > 0n);
  t.equal(sessions.create(wish), -1n, 'no more than 256 at once');
  sessions.forget();
  t.equal(sessions.create(wish), 0n);
});

t.test('requests are carried out with the key of their session', async (t) => {
  const device = new CryptoDevice({ queues: 2 });
  const { guest, queue } = harness(device);
  device.cryptoSessions.create({ ...wish, key: bytesOf('Other '), keyLength: 5 });
  const sessionId = device.cryptoSessions.create(wish);
  const right = { opcode: 0, sessionId, ivLength: 0, sourceLength: 9, targetLength: 9, operation: 1 };
  const carriedOut = (part: Partial<CryptoHeader>, text = 'Plaintext', room = 10): [string, number] => {
    const source = guest.allocate({ size: CRYPTO_HEADER_SIZE + text.length });
    source.store(encodeCryptoHeader({ ...right, ...part }));
    source.store(bytesOf(text), CRYPTO_HEADER_SIZE);
    const target = guest.allocate({ size: room });
    target.fill(0xee);
    queue(1).driver.add([readable(source), writable(target)]);
    queue(1).run();
    t.match(queue(1).driver.reapUsed(), [{ len: room }]);
    const answer = target.load();
    return [hex(answer.subarray(0, -1)), answer.at(-1) ?? -1];
  };
  const nothing = '00'.repeat(9);
  t.same(carriedOut({}), ['bbf316e8d940af0ad3', cryptoStatus.ok]);
  t.same(carriedOut({ opcode: 1 }), ['bbf316e8d940af0ad3', cryptoStatus.ok]);
  t.same(carriedOut({ opcode: 0x100 }), [nothing, cryptoStatus.notsupp], 'a hash');
  t.same(carriedOut({ operation: 2 }), [nothing, cryptoStatus.notsupp], 'a chain of algorithms');
  t.same(carriedOut({ sessionId: 7n }), [nothing, cryptoStatus.invsess]);
  t.same(carriedOut({ sourceLength: 8 }), [nothing, cryptoStatus.badmsg]);
  t.same(carriedOut({ targetLength: 8 }), [nothing, cryptoStatus.badmsg]);
  t.same(carriedOut({ ivLength: 1, sourceLength: 8 }), [nothing, cryptoStatus.err], 'an initialisation vector');
  t.same(carriedOut({ targetLength: 10 }, 'Plaintext', 11), ['00'.repeat(10), cryptoStatus.err]);
  const short = guest.allocate({ size: CRYPTO_HEADER_SIZE - 1 });
  const status = guest.allocate({ size: 1 });
  queue(0).driver.add([readable(short), writable(status)]);
  queue(0).run();
  t.same(status.load(), [cryptoStatus.badmsg]);
});

t.test('its configuration says what it has, and no driver writes it', async (t) => {
  const device = new CryptoDevice({ queues: 2 });
  const config = device.readConfig(0, device.configSize) ?? new Uint8Array();
  const view = new DataView(config.buffer);
  t.equal(device.configSize, 56);
  t.same(
    [0, 4, 8, 12, 36].map((at) => view.getUint32(at, true)),
    [1, 2, 1, 2, 64],
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
  parameters.set([cipher, 0, 0, 0, 3]);
  parameters[24] = 1;
  parameters.set(bytesOf('Key'), 48);
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
  t.same(test.session.device.cryptoSessions?.keyOf(0n), bytesOf('Key'));
  t.same(test.session.device.cryptoSessions?.keyOf(1n), bytesOf('Key'));
  const closing = { payload: u64(1n) };
  t.equal(test.acknowledgement('VHOST_USER_CLOSE_CRYPTO_SESSION', closing), 0n);
  t.not(test.acknowledgement('VHOST_USER_CLOSE_CRYPTO_SESSION', closing), 0n);
  const block = new SessionUnderTest('block');
  block.negotiate();
  t.not(block.acknowledgement('VHOST_USER_CLOSE_CRYPTO_SESSION', closing), 0n);
});
