import { encodeMessage } from '../../../wire/vhost-user-codec.ts';
import { VHOST_USER_HEADER_SIZE } from '../../../wire/vhost-user-constants.ts';
import { requestId } from '../../../wire/vhost-user-messages.ts';

/** A request that the right back-end never makes, as its configuration space does not change by itself. */
export function configChangeMessage(): Uint8Array {
  const message = new Uint8Array(VHOST_USER_HEADER_SIZE);
  encodeMessage(message, { request: requestId.VHOST_USER_BACKEND_CONFIG_CHANGE_MSG });
  return message;
}
