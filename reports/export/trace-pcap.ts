import type { ObservedEvent } from '../../reference-impl/observations/event.ts';
import type { Trace } from '../trace/trace.ts';
import { visibleLine } from '../visible-text.ts';
import { type TraceFacts, tracedLines } from './trace-text.ts';

/**
 * Link types that are for private use: messages of vhost-user on each of its channels, and everything else (ring writes,
 * notifications, calls on devices, notes), which has its words in the comment of the packet. Frames of network devices
 * are LINKTYPE_ETHERNET.
 */
const interfaces = [
  { linkType: 147, name: 'vhost-user front-end channel' },
  { linkType: 148, name: 'vhost-user back-end channel' },
  { linkType: 150, name: 'rings, calls on devices, notes' },
  { linkType: 1, name: 'Ethernet frames' },
] as const;

const blockType = { section: 0x0a0d0d0a, interface: 1, packet: 6 } as const;
const option = { end: 0, comment: 1, name: 2, flags: 2, application: 4 } as const;
const inbound = 1;
const outbound = 2;

/** The whole trace as a pcapng file: a packet for each event, at its time, with what it says as its comment. */
export function tracePcap(trace: Trace, facts: TraceFacts): Uint8Array {
  const name = `${trace.target}: ${trace.key}`;
  const blocks = [
    block(blockType.section, sectionBody, [
      [option.comment, text(name)],
      [option.application, text('vhost-conformance')],
    ]),
    ...interfaces.map(({ linkType, name: title }) =>
      block(blockType.interface, interfaceBody(linkType), [[option.name, text(title)]]),
    ),
  ];
  for (const { event, title } of tracedLines(trace, facts)) {
    const failed = facts.failing.has(event.seq) ? ' <== a check failed here' : '';
    const comment = `#${event.seq} ${visibleLine(title.trim())}${failed}`;
    const direction = directionOf(event);
    blocks.push(
      block(blockType.packet, packetBody(event), [
        [option.comment, text(comment)],
        ...(direction === 0 ? [] : [[option.flags, word(direction)] as const]),
      ]),
    );
  }
  return Buffer.concat(blocks);
}

/** Byte order, version 1.0, length unknown. */
const sectionBody = Buffer.from('4d3c2b1a01000000ffffffffffffffff', 'hex');

function interfaceBody(linkType: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(linkType, 0);
  return body;
}

function packetBody(event: ObservedEvent): Buffer {
  const bytes = bytesOf(event);
  const time = BigInt(Math.round(event.timeUs));
  const body = Buffer.alloc(20);
  body.writeUInt32LE(interfaceOf(event), 0);
  body.writeUInt32LE(Number(time >> 32n), 4);
  body.writeUInt32LE(Number(time & 0xffffffffn), 8);
  body.writeUInt32LE(bytes.length, 12);
  body.writeUInt32LE('length' in event ? Math.max(event.length, bytes.length) : bytes.length, 16);
  return Buffer.concat([body, padded(bytes)]);
}

function interfaceOf(event: ObservedEvent): number {
  if (event.kind === 'frame') return 3;
  if (event.kind !== 'message') return 2;
  return event.channel === 'front-end' ? 0 : 1;
}

function bytesOf(event: ObservedEvent): Uint8Array {
  if (event.kind === 'ioctl') return event.after;
  return 'bytes' in event ? event.bytes : new Uint8Array();
}

function directionOf(event: ObservedEvent): number {
  switch (event.kind) {
    case 'message':
    case 'frame':
      return event.direction === 'to-iut' ? outbound : inbound;
    case 'region-access':
      return event.access === 'read' ? inbound : outbound;
    case 'notification':
      return event.what === 'kick' ? outbound : inbound;
    case 'ioctl':
      return outbound;
    case 'ring-write':
    case 'indirect-table':
    case 'connection':
    case 'process':
    case 'memory-change':
    case 'note':
      return 0;
  }
}

type Option = readonly [code: number, value: Uint8Array];

function block(type: number, body: Uint8Array, options: readonly Option[]): Buffer {
  const told = options.map(([code, value]) => {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(code, 0);
    head.writeUInt16LE(value.length, 2);
    return Buffer.concat([head, padded(value)]);
  });
  const inner = Buffer.concat([body, ...told, Buffer.alloc(4)]);
  const length = inner.length + 12;
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(length, 4);
  return Buffer.concat([head, inner, word(length)]);
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value, 0);
  return bytes;
}

const longestOption = 4096;
const text = (value: string): Buffer => Buffer.from(value.slice(0, longestOption), 'utf8');
