import { isFailure } from '../../../memory/memory-map.ts';
import type { MdevState } from '../../../vhost-mdev/mdev-state.ts';

/** Writes a byte at a ring address; has no effect where no memory is. */
export function scribble(device: MdevState, address: bigint, value: number): void {
  const pieces = device.memory.translate(device.rules.layout.ringSpace, address, 1, 'write');
  const [piece] = isFailure(pieces) ? [] : pieces;
  if (piece !== undefined) piece.bytes[piece.offset] = value;
}
