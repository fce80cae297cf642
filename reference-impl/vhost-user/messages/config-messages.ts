import { messageByName } from '../../wire/vhost-user-messages.ts';
import { configPayload } from '../../wire/vhost-user-payloads.ts';
import { describeRule, done, type MessageTable, refused } from '../message-rule.ts';
import { encoded } from '../reply-payloads.ts';

export const configMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_GET_CONFIG'), {
    name: 'VHOST_USER_GET_CONFIG',
    payload: [configPayload],
    answer: 'own-reply',
    handle: (session, request) => {
      const { device, rules } = session;
      const range = { offset: request.offset, size: request.size };
      const { offset, size } = rules.config.rangeRead(range);
      const held = rules.config.acceptsRead(range, device.configSize)
        ? device.readConfig(offset, Math.min(size, device.configSize - offset))
        : undefined;
      if (held === undefined) return { kind: 'reply', payload: rules.config.failure(encoded(configPayload, request)) };
      const payload = rules.config.told(held, range);
      const told = { ...rules.config.toldRange(range), flags: request.flags, payload };
      return { kind: 'reply', payload: encoded(configPayload, told) };
    },
  }),
  describeRule(messageByName('VHOST_USER_SET_CONFIG'), {
    name: 'VHOST_USER_SET_CONFIG',
    payload: [configPayload],
    handle: (session, { offset, size, flags, payload }) => {
      const { config } = session.rules;
      if (!config.acceptsFlags(flags)) return refused(`flags of ${flags}`);
      if (!config.acceptsWrite({ offset, size }, session.device.configSize)) return refused('beyond config space');
      const range = config.rangeWritten({ offset, size });
      const isWritten = config.mayWriteReadOnly(flags)
        ? session.device.restoreConfig(range.offset, payload.subarray(0, range.size))
        : session.device.writeConfig(range.offset, payload.subarray(0, range.size));
      return isWritten ? done : refused('a field that a driver may only read');
    },
  }),
];
