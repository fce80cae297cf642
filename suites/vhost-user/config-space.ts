import type { VhostUserSession } from '../../drivers/port/port.ts';

/** Offset, size and flags in the payload of a config message; bytes follow. */
export const configFieldsBytes = 12;

/** The payload of a config message: offset, size, flags, then as many bytes as size says. */
export function configPayload(
  offset: number,
  size: number,
  flags = 0,
  bytes: Uint8Array = new Uint8Array(size),
): Uint8Array {
  const payload = new Uint8Array(configFieldsBytes + bytes.length);
  const view = new DataView(payload.buffer);
  view.setUint32(0, offset, true);
  view.setUint32(4, size, true);
  view.setUint32(8, flags, true);
  payload.set(bytes, configFieldsBytes);
  return payload;
}

/** Bytes of config space, or undefined where the back-end says that it failed. */
export function readConfig(session: VhostUserSession, offset: number, size: number): Uint8Array | undefined {
  const answer = session.messages.exchange({ request: 'VHOST_USER_GET_CONFIG', payload: configPayload(offset, size) });
  if (answer.kind !== 'reply' || answer.message.payload.length <= configFieldsBytes) return undefined;
  return answer.message.payload.slice(configFieldsBytes);
}
