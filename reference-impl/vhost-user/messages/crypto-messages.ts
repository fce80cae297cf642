import type { CryptoSessionWish } from '../../devices/crypto-sessions.ts';
import type { Codec } from '../../wire/compile-layout.ts';
import { messageByName } from '../../wire/vhost-user-messages.ts';
import {
  cryptoSessionByOperationPayload,
  cryptoSessionPayload,
  type PayloadValue,
  u64Payload,
} from '../../wire/vhost-user-payloads.ts';
import { done, refused } from '../handled.ts';
import { describeRule, type MessageRule, type MessageTable } from '../message-rule.ts';
import { encoded } from '../reply-payloads.ts';

type Plain = PayloadValue<typeof cryptoSessionPayload>;
type ByOperation = PayloadValue<typeof cryptoSessionByOperationPayload>;

const noSessions = refused('no crypto device');

/** Where the parameters of a symmetric session have what this back-end looks at, and where a key is behind them. */
const parameter = { cipher: 0, keyLength: 4, operation: 24 } as const;
const parametersEnd = 48;
const keyEnd = 112;

function wishOf(description: Plain | ByOperation): CryptoSessionWish {
  const { parameters } = description;
  const view = new DataView(parameters.buffer, parameters.byteOffset, parameters.byteLength);
  const wish = {
    cipher: view.getUint32(parameter.cipher, true),
    keyLength: view.getUint32(parameter.keyLength, true),
    operation: view.getUint8(parameter.operation),
  };
  return 'opCode' in description
    ? { ...wish, opcode: description.opCode, key: parameters.subarray(parametersEnd, keyEnd) }
    : { ...wish, key: description.cipherKey };
}

/** Sessions in both forms that front-ends describe them in; the text has none. */
export const cryptoMessages: MessageTable = [
  describeRule<Plain | ByOperation>(messageByName('VHOST_USER_CREATE_CRYPTO_SESSION'), {
    name: 'VHOST_USER_CREATE_CRYPTO_SESSION',
    payload: [cryptoSessionPayload, cryptoSessionByOperationPayload] as readonly unknown[] as readonly Codec<
      Plain | ByOperation
    >[],
    answer: 'own-reply',
    handle: ({ device }, description) => {
      const { cryptoSessions } = device;
      if (cryptoSessions === undefined) return noSessions;
      const sessionId = cryptoSessions.create(wishOf(description));
      const payload =
        'opCode' in description
          ? encoded(cryptoSessionByOperationPayload, { ...description, sessionId })
          : encoded(cryptoSessionPayload, { ...description, sessionId });
      return { kind: 'reply', payload };
    },
  }) as MessageRule,
  describeRule(messageByName('VHOST_USER_CLOSE_CRYPTO_SESSION'), {
    name: 'VHOST_USER_CLOSE_CRYPTO_SESSION',
    payload: [u64Payload],
    handle: ({ device }, { u64 }) => {
      const { cryptoSessions } = device;
      if (cryptoSessions === undefined) return noSessions;
      return cryptoSessions.close(u64) ? done : refused(`no session ${u64}`);
    },
  }),
];
