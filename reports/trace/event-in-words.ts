import type {
  FrameObservation,
  IndirectTableObservation,
  IoctlObservation,
  RegionAccessObservation,
} from '../../reference-impl/observations/event.ts';
import { errorName } from '../../reference-impl/wire/errno.ts';
import { ioctlName } from '../../reference-impl/wire/ioctl-names.ts';

/** An event as the note that stands beside it in a trace, for readers that do not know its kind. */
export function eventInWords(
  event: RegionAccessObservation | IoctlObservation | IndirectTableObservation | FrameObservation,
): string {
  switch (event.kind) {
    case 'region-access': {
      const { access, region, offset, length, result } = event;
      return `${access} of region ${region} at 0x${offset.toString(16)}, ${length} bytes: ${answerInWords(result)}`;
    }
    case 'ioctl':
      return `${ioctlName(event.request)} on the ${event.on}: ${answerInWords(event.result)}`;
    case 'indirect-table': {
      const { index, address, bytes } = event;
      return `indirect table, ring ${index} at 0x${address.toString(16)}: ${bytes.length} bytes`;
    }
    case 'frame':
      return `frame, ring ${event.index}: ${frameWords(event)}`;
  }
}

/** What a call returned: a number, or the name of an error. */
export function answerInWords(result: number | undefined): string {
  if (result === undefined) return 'no answer';
  return result < 0 ? errorName(result) : `${result}`;
}

const addressSize = 6;
const ethernetHeaderSize = 14;
const etherTypes: ReadonlyMap<number, string> = new Map([
  [0x0800, 'IPv4'],
  [0x0806, 'ARP'],
  [0x8035, 'RARP'],
  [0x8100, 'VLAN'],
  [0x86dd, 'IPv6'],
]);

/** Sender, receiver, EtherType and length of an Ethernet frame. */
export function frameWords({ bytes, length }: Pick<FrameObservation, 'bytes' | 'length'>): string {
  if (bytes.length < ethernetHeaderSize) return `${length} B, too short for an Ethernet header`;
  const mac = (at: number): string => Buffer.from(bytes.subarray(at, at + addressSize)).toString('hex');
  const pairs = (digits: string): string => digits.replace(/..(?=.)/g, '$&:');
  const type = Buffer.from(bytes).readUInt16BE(2 * addressSize);
  const name = etherTypes.get(type) ?? `EtherType 0x${type.toString(16).padStart(4, '0')}`;
  return `${pairs(mac(addressSize))} to ${pairs(mac(0))}, ${name}, ${length} B`;
}
