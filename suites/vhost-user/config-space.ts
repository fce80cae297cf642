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

/** Sizes that a config space may have, as versions of the text have it, or a back-end cuts it off; the largest first. */
export const likelySizes = [256, 128, 96, 72, 64, 60, 57, 56, 48, 44, 40, 36, 34, 32, 24, 20, 17, 16, 12, 10, 8, 6];

/**
 * Config space as one read from its start tells it; undefined where no size is answered.
 * @param open a session that negotiated CONFIG: one for each size, since a read past the end may close it.
 */
export function wholeSpace(open: () => VhostUserSession): Uint8Array | undefined {
  for (const size of likelySizes) {
    const session = open();
    const whole = readConfig(session, 0, size);
    session.close();
    if (whole?.length === size) return whole;
  }
  return undefined;
}

/** Whether windows at different offsets cannot be told apart: a back-end that ignores the offset would look as well. */
export const isAlikeThroughout = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === bytes[0]);
export const alikeThroughout = 'all bytes of config space are alike, so that its windows cannot be told apart';
