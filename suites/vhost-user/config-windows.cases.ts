import type { VhostUserSession } from '../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import {
  alikeThroughout,
  configPayload,
  isAlikeThroughout,
  likelySizes,
  readConfig,
  wholeSpace,
} from './config-space.ts';
import { negotiatedWith, protocolBit } from './words.ts';

/** Windows of config space: any offset and size that lie in it (vhost-user, "Virtio device config space"). */

const transports = ['vhost-user'] as const;
const protocol = protocolBit.CONFIG | protocolBit.REPLY_ACK;
const liveMigration = 1;
const writebackAt = 32;
const readOnly = 'vu-config/read-only-field-write-not-accepted';
type Context = Pick<CaseContext<string, VariantAxes, VhostUserSession>, 'port' | 'connect'>;
type Open = (context: Context) => VhostUserSession;

const opened: Open = ({ port, connect }) => negotiatedWith(port, connect('connected'), protocol);
/** With all that the case asks for. */
const openedWithFeatures: Open = ({ connect }) => connect('negotiated');

function knownSpace(context: Context, check: Check, open: Open = opened): Uint8Array {
  const whole = wholeSpace(() => open(context));
  check.holds(whole !== undefined, 'config space from its start', {
    expected: `bytes for one of the sizes ${likelySizes.join(', ')}`,
    actual: whole === undefined ? 'none' : `${whole.length} bytes`,
  });
  return whole ?? new Uint8Array(0);
}

/**
 * SET_CONFIG on a session of its own, and config space behind it: on that session, or on another where that one was
 * closed. Undefined after a recorded failure.
 */
function written(
  context: Context,
  check: Check,
  bytes: number,
  window: { readonly payload: Uint8Array; readonly what: string },
  open: Open = opened,
): { readonly session: VhostUserSession; readonly isTaken: boolean; readonly space: Uint8Array } | undefined {
  const first = open(context);
  const answer = first.messages.acknowledged({ request: 'VHOST_USER_SET_CONFIG', payload: window.payload });
  if (answer.kind === 'died' || answer.kind === 'silent') {
    check.failsBy(answer, window.what, 'an acknowledgement, or a closed connection');
    return undefined;
  }
  // A back-end may acknowledge with 0 and close behind it: it has refused then.
  const stays = first.isOpen && first.messages.fence().kind === 'reply';
  if (!stays) first.close();
  const session = stays ? first : open(context);
  const space = readConfig(session, 0, bytes) ?? new Uint8Array(0);
  return { session, isTaken: stays && answer.kind === 'done' && answer.by === 'acknowledgement', space };
}

export const reads = defineCase({
  id: 'vhost-user/config/get-config-window-equals-the-whole',
  title:
    'GET_CONFIG of each window, at any offset and of 1, 2, 4, 8 or all bytes up to the end, returns the bytes there',
  proves: { 'vu-config/get-config-window-equals-whole': ['config-offset-ignored', 'config-window-at-even-offset'] },
  applies: { start: 'closed', transports, offers: ['VHOST_USER_PROTOCOL_F_CONFIG'], ring: 'none' },
  run(context) {
    const check = context.requirement('vu-config/get-config-window-equals-whole');
    const whole = knownSpace(context, check);
    if (isAlikeThroughout(whole)) check.inconclusive(alikeThroughout);
    const all = [1, 2, 4, 8, 'rest' as const].map((size) => ({ key: `size=${size}`, size }));
    context.points(all, ({ key, size }) => {
      const session = opened(context);
      const wrong: number[] = [];
      for (let offset = 0; offset < whole.length; offset++) {
        const length = size === 'rest' ? whole.length - offset : size;
        if (offset + length > whole.length || !session.isOpen) break;
        const window = readConfig(session, offset, length);
        const expected = whole.subarray(offset, offset + length);
        if (window?.length !== length || window.some((byte, at) => byte !== expected[at])) wrong.push(offset);
      }
      check.sameSequence(wrong, [], `offsets at which a window of ${key} is not that of the whole`);
      session.close();
    });
  },
});

/** Writes of a driver to each window that has no writeback, one session each. */
function readOnlyWindowsStay(
  context: Context & Pick<CaseContext<typeof readOnly, VariantAxes, VhostUserSession>, 'points' | 'requirement'>,
  open: Open,
): void {
  const check = context.requirement(readOnly);
  const whole = knownSpace(context, check, open);
  const all = [1, 4, 8].map((size) => ({ key: `size=${size}`, size }));
  context.points(all, ({ key, size }) => {
    const changed: number[] = [];
    for (let offset = 0; offset + size <= whole.length; offset += size) {
      if (offset <= writebackAt && writebackAt < offset + size) continue;
      const bytes = whole.subarray(offset, offset + size).map((byte) => byte ^ 0x11);
      const payload = configPayload(offset, size, 0, bytes);
      const what = `SET_CONFIG of ${size} bytes at ${offset}`;
      const result = written(context, check, whole.length, { payload, what }, open);
      if (result === undefined) return;
      const { session, space } = result;
      if (space.length !== whole.length || space.some((byte, at) => at !== writebackAt && byte !== whole[at]))
        changed.push(offset);
      session.close();
    }
    check.sameSequence(changed, [], `offsets at which a write of ${key} changed config space`);
  });
}

export const driverWrites = defineCase({
  id: 'vhost-user/config/read-only-windows-are-not-written',
  title: 'SET_CONFIG of a driver to any window without writeback leaves each byte of config space as it was',
  proves: { 'vu-config/read-only-field-write-not-accepted': 'config-read-only-written' },
  applies: { start: 'closed', transports, devices: ['block'], offers: ['VHOST_USER_PROTOCOL_F_CONFIG'], ring: 'none' },
  run(context) {
    readOnlyWindowsStay(context, opened);
  },
});

export const driverWritesBesideWriteback = defineCase({
  id: 'vhost-user/config/read-only-windows-are-not-written-with-writeback',
  title: 'where writeback can be written, SET_CONFIG of a driver to any other window leaves each byte as it was',
  proves: { 'vu-config/read-only-field-write-not-accepted': 'config-read-only-written' },
  applies: {
    start: 'closed',
    transports,
    devices: ['block'],
    negotiate: [
      'VHOST_USER_PROTOCOL_F_CONFIG',
      'VHOST_USER_PROTOCOL_F_REPLY_ACK',
      'VIRTIO_BLK_F_CONFIG_WCE',
      'VIRTIO_BLK_F_FLUSH',
    ],
    ring: 'none',
  },
  run(context) {
    readOnlyWindowsStay(context, openedWithFeatures);
  },
});

export const migrationWrites = defineCase({
  id: 'vhost-user/config/set-config-writes-its-window-alone',
  title:
    'SET_CONFIG of a migration that is acknowledged with 0 changed its window and no byte beside it, and one that is refused changed none',
  proves: { 'vu-config/set-config-writes-its-window': ['config-write-offset-ignored', 'config-write-one-byte-more'] },
  applies: {
    start: 'closed',
    transports,
    offers: ['VHOST_USER_PROTOCOL_F_CONFIG', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
    ring: 'none',
  },
  run(context) {
    const check = context.requirement('vu-config/set-config-writes-its-window');
    const whole = knownSpace(context, check);
    const windows = [
      { offset: 0, size: 1 },
      { offset: 1, size: 4 },
      { offset: 3, size: 3 },
      { offset: whole.length - 2, size: 2 },
    ];
    const all = windows.map(({ offset, size }) => ({ key: `offset=${offset},size=${size}`, offset, size }));
    context.points(all, ({ key, offset, size }) => {
      const setting = (bytes: Uint8Array): Uint8Array => configPayload(offset, size, liveMigration, bytes);
      const expected = whole.slice();
      for (let at = offset; at < offset + size; at++) expected[at] = (whole[at] as number) ^ 0x11;
      const what = `SET_CONFIG with ${key}`;
      const payload = setting(expected.subarray(offset, offset + size));
      const result = written(context, check, whole.length, { payload, what });
      if (result === undefined) return;
      const { session, isTaken, space } = result;
      // That a write is acknowledged and not carried out at all is broken elsewhere, whatever its window.
      if (isTaken)
        check.presumes(
          space.some((byte, at) => byte !== whole[at]),
          `${what} changed config space`,
        );
      check.bytesEqual(space, isTaken ? expected : whole, `config space after ${what}`);
      const back = setting(whole.subarray(offset, offset + size));
      if (isTaken) session.messages.acknowledged({ request: 'VHOST_USER_SET_CONFIG', payload: back });
      session.close();
    });
  },
});
