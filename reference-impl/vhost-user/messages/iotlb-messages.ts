import type { IotlbPermission } from '../../memory/memory-map.ts';
import { vhostIotlbPermissions, vhostIotlbType } from '../../wire/vhost-user-constants.ts';
import { messageByName } from '../../wire/vhost-user-messages.ts';
import { iotlbPayload, type PayloadValue, packedIotlbPayload } from '../../wire/vhost-user-payloads.ts';
import type { Handled } from '../handled.ts';
import { describeRule, type MessageTable } from '../message-rule.ts';
import { u64Bytes } from '../reply-payloads.ts';
import type { SessionState } from '../session-state.ts';

type IotlbMessage = PayloadValue<typeof iotlbPayload>;

/** By the bits of the message that have a meaning. */
const permissions: readonly IotlbPermission[] = ['none', 'read', 'write', 'read-write'];

export const iotlbMessages: MessageTable = [
  describeRule(messageByName('VHOST_USER_IOTLB_MSG'), {
    name: 'VHOST_USER_IOTLB_MSG',
    payload: [iotlbPayload, packedIotlbPayload],
    answer: 'own-reply',
    handle: (session, message): Handled => {
      const { success, failure } = session.rules.reply;
      return { kind: 'reply', payload: u64Bytes(isCarriedOut(session, message) ? success : failure) };
    },
  }),
];

/** Misses and failures of access are for the back-end to tell. */
function isCarriedOut(session: SessionState, message: IotlbMessage): boolean {
  switch (message.type) {
    case vhostIotlbType.VHOST_IOTLB_UPDATE:
      return isUpdated(session, message);
    case vhostIotlbType.VHOST_IOTLB_INVALIDATE:
      session.memory.invalidateIotlb(message.iova, message.size);
      session.rings.translationsChanged(message.iova, message.size);
      return true;
    default:
      return false;
  }
}

function isUpdated(session: SessionState, { iova, size, userAddress, permissions: permitted }: IotlbMessage): boolean {
  const permission = permissions[permitted & vhostIotlbPermissions.readWrite] as IotlbPermission;
  if (!session.memory.updateIotlb({ ioVirtualAddress: iova, userAddress, size, permission })) return false;
  session.rings.translationsChanged(iova, size);
  return true;
}
