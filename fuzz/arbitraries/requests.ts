import fc from 'fast-check';
import { encodeBlockHeader } from '../../reference-impl/devices/block-layout.ts';

export const modelledDevices = ['block', 'net', 'entropy'] as const;
export type ModelledDevice = (typeof modelledDevices)[number];

export const isModelled = (device: string): device is ModelledDevice =>
  modelledDevices.some((modelled) => modelled === device);

/** What one chain asks for. */
export interface Wanted {
  readonly readable: Uint8Array;
  readonly room: number;
}

const nearSector = fc.integer({ min: 0, max: 6 });

const sector = fc.oneof(
  { weight: 12, arbitrary: nearSector },
  { weight: 1, arbitrary: fc.constantFrom(0x7fff_ffff, 16_383, 16_384, 255, 256) },
);

const range = fc
  .record({
    sector: fc.oneof(
      { weight: 8, arbitrary: nearSector.map(BigInt) },
      { weight: 2, arbitrary: fc.constantFrom(1n << 32n, 1n << 55n, (1n << 64n) - 1n) },
    ),
    sectors: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }) },
      { weight: 2, arbitrary: fc.constantFrom(8, 9, 100, 256, 257, 300) },
      { weight: 1, arbitrary: fc.constantFrom(0, 0x7fff_ffff) },
    ),
    flags: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.constantFrom(1, 2, 0x8000_0000) },
    ),
  })
  .map(({ sector, sectors, flags }) => rangeOf(sector, sectors, flags));

function rangeOf(sector: bigint, sectors: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, sector, true);
  view.setUint32(8, sectors, true);
  view.setUint32(12, flags, true);
  return bytes;
}

const readOf = (sector: number, sectors: number): Wanted => ({
  readable: encodeBlockHeader({ type: 0, sector: BigInt(sector) }),
  room: sectors * 512 + 1,
});

/** No two sectors hold the same. */
const writeOf = (sector: number, sectors: number, byte: number): Wanted => ({
  readable: joined(
    encodeBlockHeader({ type: 1, sector: BigInt(sector) }),
    Uint8Array.from({ length: sectors * 512 }, (_, at) => byte + Math.floor(at / 100)),
  ),
  room: 1,
});

/** Sectors are written, cleared or written over in part, and read. */
const blockStory: fc.Arbitrary<readonly Wanted[]> = fc
  .record({
    sector: nearSector,
    type: fc.constantFrom(13, 13, 13, 11, 14, 1, 1),
    ranges: fc.array(fc.record({ skip: fc.constantFrom(0, 0, 1, 2), sectors: fc.constantFrom(1, 1, 2, 3, 8, 110) }), {
      minLength: 1,
      maxLength: 2,
    }),
    behind: fc.constantFrom(0, 1, 2),
    byte: fc.integer({ min: 1, max: 255 }),
    flags: fc.constantFrom(0, 0, 1),
  })
  .map(({ sector, type, ranges, behind, byte, flags }) => {
    let end = sector;
    const cleared = ranges.map(({ skip, sectors: wanted }, n) => {
      // All of it goes into one buffer.
      const sectors = n === 0 ? wanted : Math.min(wanted, 3);
      const range = rangeOf(BigInt(end + skip), sectors, type === 13 ? flags : 0);
      end += skip + sectors;
      return range;
    });
    const count = end + behind - sector;
    const [first] = ranges;
    const second =
      type === 1
        ? writeOf(sector + (first?.skip ?? 0), Math.min(first?.sectors ?? 1, 3), byte + 101)
        : { readable: joined(encodeBlockHeader({ type, sector: 0n }), ...cleared), room: 1 };
    return [writeOf(sector, count, byte), second, readOf(sector, count)];
  });

const blockRequest: fc.Arbitrary<Wanted> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({
        sector,
        sectors: fc.oneof(
          { weight: 11, arbitrary: fc.integer({ min: 1, max: 4 }) },
          { weight: 1, arbitrary: fc.constantFrom(24, 40, 80, 120) },
        ),
      })
      .map(({ sector, sectors }) => readOf(sector, sectors)),
  },
  {
    weight: 5,
    arbitrary: fc
      .record({ sector, sectors: fc.integer({ min: 1, max: 4 }), byte: fc.integer({ min: 0, max: 255 }) })
      .map(({ sector, sectors, byte }) => writeOf(sector, sectors, byte)),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      { readable: encodeBlockHeader({ type: 4, sector: 0n }), room: 1 },
      { readable: encodeBlockHeader({ type: 8, sector: 0n }), room: 21 },
      { readable: encodeBlockHeader({ type: 99, sector: 0n }), room: 1 },
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(11, 13, 11, 13, 14), fc.array(range, { minLength: 1, maxLength: 2 }))
      .map(([type, ranges]) => ({ readable: joined(encodeBlockHeader({ type, sector: 0n }), ...ranges), room: 1 })),
  },
);

/** Beyond every disk, some of them by a sum that wraps. */
const farSector = fc.constantFrom(1n << 32n, (1n << 32n) + 1n, 1n << 55n, (1n << 63n) - 1n, (1n << 64n) - 1n);

/** Requests that a disk fails, does not know, or survives. */
const oddBlockRequest: fc.Arbitrary<Wanted> = fc.oneof(
  farSector.map((sector) => ({ readable: encodeBlockHeader({ type: 0, sector }), room: 513 })),
  farSector.map((sector) => ({
    readable: joined(encodeBlockHeader({ type: 1, sector }), new Uint8Array(512)),
    room: 1,
  })),
  fc.constantFrom(100, 511, 700).map((bytes) => ({
    readable: joined(encodeBlockHeader({ type: 1, sector: 0n }), new Uint8Array(bytes)),
    room: 1,
  })),
  fc.constantFrom(100, 700).map((bytes) => ({ readable: encodeBlockHeader({ type: 0, sector: 0n }), room: bytes + 1 })),
  fc.constantFrom(7, 24).map((bytes) => ({
    readable: joined(encodeBlockHeader({ type: 13, sector: 0n }), new Uint8Array(bytes)),
    room: 1,
  })),
  fc.constantFrom(2, 3, 5, 10, 15, 16, 18, 20, 22, 24, 25, 26).map((type) => ({
    readable: encodeBlockHeader({ type, sector: 0n }),
    room: 1,
  })),
  fc.constantFrom(0, 8, 15).map((bytes) => ({ readable: new Uint8Array(bytes), room: 1 })),
);

const ethernet = Uint8Array.of(0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1);
const flagsOfHeader = 12;

/** Bytes behind the addresses of a frame: its type and the beginning of what it holds. */
const frameTypes: readonly Uint8Array[] = [
  Uint8Array.of(0x88, 0xb5),
  // A tag of 802.1Q.
  Uint8Array.of(0x81, 0, 0, 5, 0x88, 0xb5),
  // IPv4 with TCP, and with UDP.
  Uint8Array.of(8, 0, 0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0, 80),
  Uint8Array.of(8, 0, 0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0, 80),
  // Ports whose sum has all bits set.
  Uint8Array.of(8, 0, 0x45, 0, 0, 60, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0xed, 0xcb),
  // IPv6 with TCP, and with UDP.
  Uint8Array.of(0x86, 0xdd, 0x60, 0, 0, 0, 0, 40, 6, 64),
  Uint8Array.of(0x86, 0xdd, 0x60, 0, 0, 0, 0, 40, 17, 64),
];

const needsCsum = 1;
const transportAt = 34;

/** The sum of all from the header of the transport on gets all bits set, so that its checksum is 0. */
function fillUp(frame: Uint8Array, checksumAt: number): void {
  const view = new DataView(frame.buffer);
  if (checksumAt + 2 > frame.length || frame.length % 2 === 1) return;
  view.setUint16(checksumAt, 0);
  let sum = 0;
  for (let at = transportAt; at < frame.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(checksumAt, 0xffff - sum);
}

/** A frame from a station to another one, behind a header that mostly asks for nothing. */
const transmitted: fc.Arbitrary<Wanted> = fc
  .record({
    length: fc.constantFrom(46, 60, 80, 100, 400, 986, 1100, 1500),
    type: fc.constantFrom(...frameTypes, frameTypes[0] as Uint8Array),
    byte: fc.integer({ min: 0, max: 255 }),
    header: fc.oneof(
      { weight: 9, arbitrary: fc.constant(new Uint8Array(flagsOfHeader)) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          // NEEDS_CSUM, GSO without a size, flags without a meaning, a length of headers.
          Uint8Array.of(1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0),
          Uint8Array.of(1, 0, 0, 0, 0, 0, 0xff, 0xff, 16, 0, 0, 0),
          Uint8Array.of(1, 1, 54, 0, 0, 0, 34, 0, 16, 0, 0, 0),
          Uint8Array.of(0xf0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
          Uint8Array.of(0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0),
          // Offsets of a checksum that is not asked for.
          Uint8Array.of(0, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0),
        ),
      },
      // The checksum of TCP over IPv4 is left to the device, and that of UDP.
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          Uint8Array.of(needsCsum, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0),
          Uint8Array.of(needsCsum, 0, 0, 0, 0, 0, 34, 0, 6, 0, 0, 0),
        ),
      },
    ),
    isShort: fc.nat({ max: 40 }),
    isFull: fc.nat({ max: 2 }).map((n) => n === 2),
  })
  .map(({ length, type, byte, header, isShort, isFull }) => {
    const body = Uint8Array.from({ length: Math.max(0, length + 2 - type.length) }, (_, at) => byte + at);
    const frame = joined(ethernet, type, body);
    if (header[0] === needsCsum && isFull) fillUp(frame, (header[6] ?? 0) + (header[8] ?? 0));
    const whole = joined(header, frame);
    return { readable: isShort === 1 ? whole.subarray(0, 5) : isShort === 2 ? whole.subarray(0, 28) : whole, room: 0 };
  });

const entropyRequest: fc.Arbitrary<Wanted> = fc
  .constantFrom(1, 3, 16, 20, 64, 200, 1100, 2048)
  .map((room) => ({ readable: new Uint8Array(0), room }));

/** Requests of each type of device. */
export const wantedOf: Readonly<Record<ModelledDevice, fc.Arbitrary<Wanted>>> = {
  block: fc.oneof({ weight: 10, arbitrary: blockRequest }, { weight: 1, arbitrary: oddBlockRequest }),
  net: transmitted,
  entropy: entropyRequest,
};

/** Requests one after another, of which each shows what the one before it did. */
export const storyOf: Readonly<Partial<Record<ModelledDevice, fc.Arbitrary<readonly Wanted[]>>>> = {
  block: blockStory,
};

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
