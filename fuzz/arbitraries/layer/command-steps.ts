import { MAC_SIZE, NET_HEADER_SIZE, VIRTIO_NET_F_HASH_REPORT } from '../../../reference-impl/devices/net-layout.ts';
import { readableSegment, writableSegment } from '../chain-segments.ts';
import type { Step } from '../lawful-step.ts';
import type { NetCommand } from '../net-commands.ts';
import type { LaidRings } from './laid-rings.ts';

/** Bytes of configuration of a device that knows hashes. */
const hashedConfiguration = 24;

/** A story of commands, and perhaps what another session says of it. */
export function command(laid: LaidRings, { story }: Extract<Step, { readonly kind: 'commands' }>): void {
  const { commands, frames, again } = story;
  lay(laid, commands, frames);
  if (again === undefined || laid.control === undefined) return;
  laid.stop();
  laid.reconnect();
  laid.attach();
  lay(laid, again, frames.map(another));
}

/** A frame that no one takes for one before it: its last byte is another one. */
const another = (frame: Uint8Array): Uint8Array => frame.with(frame.length - 1, ~(frame.at(-1) ?? 0) & 0xff);

/** Each command is awaited before the next one, and so is each frame. The address is read ahead of them and behind. */
function lay(laid: LaidRings, commands: readonly NetCommand[], frames: readonly Uint8Array[]): void {
  const { control: queue, session, deviceWord } = laid;
  if (queue === undefined) return;
  laid.drain();
  const hasHashes = (laid.shape.offered & VIRTIO_NET_F_HASH_REPORT) !== 0n;
  laid.add('read-config', { session, length: hasHashes ? hashedConfiguration : MAC_SIZE });
  const header = new Uint8Array(NET_HEADER_SIZE);
  for (const { feature, bytes, room, frames: behind = [] } of commands) {
    if ((deviceWord & feature) === 0n) continue;
    laid.add('chain', { queue, segments: [readableSegment(bytes), writableSegment(room)] });
    laid.kick(queue);
    laid.add('wait', { queue });
    for (const { frame, pair } of behind) laid.send(Uint8Array.of(...header, ...frame), pair);
  }
  laid.add('read-config', { session, length: MAC_SIZE });
  for (const frame of frames) laid.send(Uint8Array.of(...header, ...frame));
}
