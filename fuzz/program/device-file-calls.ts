import { address, bytes, choice, list, optionalU16, optionalU32, reference, u8, u32, word } from './arguments.ts';
import { type CallDescription, descriptors } from './call-description.ts';

/** Calls on a device that is opened as a file: those of VFIO, and messages of the IOTLB. */
export const deviceFileCalls = {
  /** Bytes of a region of a VFIO device, by its index. */
  'region-read': {
    tag: 30,
    arguments: { session: reference(1, 'session'), region: u8(2), offset: word(3), length: u32(4, 24) },
  },
  'region-write': {
    tag: 31,
    arguments: { session: reference(1, 'session'), region: u8(2), offset: word(3), bytes: bytes(4) },
  },
  /** Maps a part of a region, and stores a number of 16 bits at its start where one is told. */
  'region-map': {
    tag: 32,
    arguments: {
      session: reference(1, 'session'),
      region: u8(2, 1),
      offset: word(3),
      length: u32(4, 4096),
      store: optionalU16(5),
    },
  },
  /** A call of VFIO on the device. What is left out: the size of the structure, and the index of the rings. */
  'device-call': {
    tag: 33,
    makes: 'event',
    arguments: {
      session: reference(1, 'session'),
      call: choice(2, ['information', 'region', 'interrupts', 'set-interrupts', 'reset', 'unknown']),
      index: optionalU32(3),
      argsz: optionalU32(4),
      flags: u32(5),
      start: u32(6),
      count: u32(7),
      /** The data of `set-interrupts`; its descriptors stand in front of it. */
      bytes: bytes(8),
      descriptors: list(9, 'Descriptor', descriptors),
      /** So many bytes of the argument are there: behind them is no memory. */
      truncate: optionalU32(10),
    },
  },
  /** A call of VFIO on the container. What is left out is that of the region. */
  'container-call': {
    tag: 34,
    arguments: {
      session: reference(1, 'session'),
      call: choice(2, ['map', 'unmap']),
      flags: optionalU32(3),
      memory: reference(4, 'memory'),
      region: u8(5),
      ioVirtualAddress: address(6),
      userAddress: address(7),
      size: address(8),
      argsz: optionalU32(9),
      /** As of `device-call`. */
      truncate: optionalU32(10),
    },
  },
  /** A message of the IOTLB, on a device that takes them. What is left out is that of the region. */
  iotlb: {
    tag: 35,
    arguments: {
      session: reference(1, 'session'),
      request: u8(2, 2),
      asid: u32(3),
      memory: reference(4, 'memory'),
      region: u8(5),
      ioVirtualAddress: address(6),
      userAddress: address(7),
      size: address(8),
      permission: u8(9, 3),
      /** So many bytes of it are written. */
      truncate: optionalU32(10),
    },
  },
} as const satisfies Record<string, CallDescription>;
