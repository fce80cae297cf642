import type { Region } from '../../reference-impl/memory/region.ts';

/** Descriptors for cases that pass some. All are closed at the end of the case. */
export interface DescriptorSource {
  eventfd(): number;
  /** Adds to an eventfd that we made, 1 unless told, or writes the value to a pipe as eight bytes. No effect where it is full. */
  signal(fd: number, value?: number | bigint): void;
  /** Value of an eventfd and 0 when it is not signalled; never blocks. */
  read(fd: number): number;
  memoryFile(bytes: number): number;
  /** The memory file that a region of a Guest of this port lies in; it stays the Guest's. */
  ofRegion(region: Region): number;
  /** Bytes of the file; 0 for what is none. */
  sizeOf(fd: number): number;
  isUserfault(fd: number): boolean;
  /** Bytes of a file from `position` on: fewer than asked at its end. @throws PeerProtocolError for what an IUT gave and that cannot be read so. */
  load(fd: number, position: number, length: number): Uint8Array;
  /** Writes to a file. Memory that an IUT gave is written so, because it may shrink under a mapping. */
  store(fd: number, position: number, bytes: Uint8Array): void;
  /** Writes to a pipe, and says how many bytes it took: 0 where it would block. @throws PeerProtocolError where its other end is closed. */
  write(fd: number, bytes: Uint8Array): number;
  /** What waits in a pipe that we made or an IUT gave; undefined at its end. Never blocks. @throws PeerProtocolError as `load`. */
  drain(fd: number): Uint8Array | undefined;
  /** @param how `blocking`: as a peer expects it that waits in its reads and writes. Ours never wait: `write` takes at most 4096 bytes then. */
  pipe(how?: 'blocking'): { readonly readEnd: number; readonly writeEnd: number };
  /** Two connected stream sockets, one of them for the IUT. */
  socketPair(): { readonly nearEnd: number; readonly farEnd: number };
  nullDevice(): number;
  close(fd: number): void;
  /** A function that closes what an IUT gives from now on. */
  mark(): () => void;
}
