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

const sector = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(0x7fff_ffff, 16_383, 16_384, 255, 256) },
);

const range = fc
  .record({ sector: fc.integer({ min: 0, max: 6 }), sectors: fc.integer({ min: 1, max: 3 }) })
  .map(({ sector, sectors }) => {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(sector), true);
    view.setUint32(8, sectors, true);
    return bytes;
  });

const blockRequest: fc.Arbitrary<Wanted> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ sector, sectors: fc.integer({ min: 1, max: 4 }) }).map(({ sector, sectors }) => ({
      readable: encodeBlockHeader({ type: 0, sector: BigInt(sector) }),
      room: sectors * 512 + 1,
    })),
  },
  {
    weight: 5,
    arbitrary: fc
      .record({ sector, sectors: fc.integer({ min: 1, max: 4 }), byte: fc.integer({ min: 0, max: 255 }) })
      .map(({ sector, sectors, byte }) => ({
        readable: joined(
          encodeBlockHeader({ type: 1, sector: BigInt(sector) }),
          Uint8Array.from({ length: sectors * 512 }, (_, at) => byte + Math.floor(at / 100)),
        ),
        room: 1,
      })),
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
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(11, 13), fc.array(range, { minLength: 1, maxLength: 2 }))
      .map(([type, ranges]) => ({ readable: joined(encodeBlockHeader({ type, sector: 0n }), ...ranges), room: 1 })),
  },
);

/** A frame from a station to another one, behind a header that asks for nothing. */
const transmitted: fc.Arbitrary<Wanted> = fc
  .record({ length: fc.constantFrom(46, 100, 400, 1500), byte: fc.integer({ min: 0, max: 255 }) })
  .map(({ length, byte }) => ({
    readable: joined(
      new Uint8Array(12),
      Uint8Array.of(0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1, 0x88, 0xb5),
      Uint8Array.from({ length }, (_, at) => byte + at),
    ),
    room: 0,
  }));

const entropyRequest: fc.Arbitrary<Wanted> = fc
  .constantFrom(1, 16, 64, 200)
  .map((room) => ({ readable: new Uint8Array(0), room }));

/** Requests of each type of device. */
export const wantedOf: Readonly<Record<ModelledDevice, fc.Arbitrary<Wanted>>> = {
  block: blockRequest,
  net: transmitted,
  entropy: entropyRequest,
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
