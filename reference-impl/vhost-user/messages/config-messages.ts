import { messageByName } from '../../wire/vhost-user-messages.ts';
import { configPayload } from '../../wire/vhost-user-payloads.ts';
import { done, refused } from '../handled.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';
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
      const held = device.readConfig(offset, size);
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
      const range = config.rangeWritten({ offset, size });
      const isWritten = config.mayWriteReadOnly(flags)
        ? session.device.restoreConfig(range.offset, payload.subarray(0, range.size))
        : session.device.writeConfig?.(range.offset, payload.subarray(0, range.size));
      return isWritten === true ? done : refused('beyond config space, or a field that a driver may only read');
    },
  }),
];
