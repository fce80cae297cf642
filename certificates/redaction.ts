import type { ObservedEvent } from '../reference-impl/observations/event.ts';
import { decodeTrace, encodeTrace } from '../reports/trace/trace-encoding.ts';
import type { ArchiveFiles } from './archive.ts';

export const redactions = ['mac', 'serial', 'host-name'] as const;
export type Redaction = (typeof redactions)[number];

/** What is known to be private of a submission, beside the MAC addresses that stand in its texts. */
export interface PrivateWords {
  readonly macs: readonly string[];
  readonly serials: readonly string[];
  readonly hostNames: readonly string[];
}

interface Replaced {
  readonly from: Buffer;
  readonly to: Buffer;
}

const macPattern = /\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b/gi;
/** They name no station. */
const namesNone = /^(?:00(?:[:-]00){5}|ff(?:[:-]ff){5})$/i;

/**
 * The files without what is to be redacted. Equal words get equal stand-ins, so that records and traces still fit: MAC
 * addresses locally administered ones, as bytes too; in traces other words are overwritten, so that no length changes.
 */
export function redacted(files: ArchiveFiles, what: readonly Redaction[], known: PrivateWords): ArchiveFiles {
  if (what.length === 0) return files;
  const texts = [...files].filter(([name]) => !isTrace(name)).map(([, content]) => content.toString('utf8'));
  const macs = what.includes('mac') ? macsIn([...known.macs, ...texts]) : new Map<string, string>();
  const words = new Map<string, string>([
    ...(what.includes('serial') ? standIns(known.serials, 'serial') : []),
    ...(what.includes('host-name') ? standIns(known.hostNames, 'host') : []),
  ]);
  const inBytes = [
    ...[...macs].map(([mac, to]) => ({ from: macBytes(mac), to: macBytes(to) })),
    ...[...words.keys()].map((word) => ({ from: Buffer.from(word), to: Buffer.alloc(Buffer.byteLength(word), 'x') })),
  ];
  const patterns = [...words].map(([word, to]) => ({ pattern: wholeWord(word), to }));
  const stations = [...macs].map(([mac, to]) => ({ pattern: anyFormOf(mac), to: to.split(':') }));
  const inText = (text: string): string =>
    patterns.reduce(
      (left, { pattern, to }) => left.replace(pattern, to),
      stations.reduce((left, { pattern, to }) => left.replace(pattern, (...found) => inFormOf(found, to)), text),
    );
  return new Map(
    [...files].map(([name, content]) => {
      if (isOfSuite(name)) return [name, content];
      if (isTrace(name)) return [name, redactedTrace(content, inText, inBytes)];
      return [name, Buffer.from(inText(content.toString('utf8')))];
    }),
  );
}

/** What the suite wrote of itself holds nothing private, and has to stay as it is. */
const isOfSuite = (name: string): boolean =>
  name.startsWith('profiles/') || name === 'run/catalogue.json' || name === 'run/plan.json';

/** A host may be called `vm`: what only begins so, as `vm-channel`, is another word. */
const wholeWord = (word: string): RegExp =>
  new RegExp(`(?<![\\w./-])${word.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}(?![\\w-])`, 'g');

const isTrace = (name: string): boolean => name.endsWith('.pb');
const normal = (mac: string): string => mac.toLowerCase().replaceAll('-', ':');
const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');

/** A MAC address as it may be written: its bytes apart by colons, dashes or blanks, or not at all. */
const anyFormOf = (mac: string): RegExp =>
  new RegExp(`(?<![0-9a-f])${mac.split(':').join('([:\\- ]?)')}(?![0-9a-f])`, 'gi');

/** @param found what `anyFormOf` matched: the whole, then what stands between the bytes. */
const inFormOf = (found: readonly unknown[], to: readonly string[]): string =>
  to.map((byte, place) => (place === 0 ? byte : `${found[place]}${byte}`)).join('');

function macsIn(texts: readonly string[]): Map<string, string> {
  const macs = new Map<string, string>();
  for (const text of texts) {
    for (const [mac] of text.matchAll(macPattern)) {
      if (namesNone.test(mac) || macs.has(normal(mac))) continue;
      macs.set(normal(mac), `02:00:00:00:00:${(macs.size + 1).toString(16).padStart(2, '0')}`);
    }
  }
  return macs;
}

/** The longest first: one may hold another. */
function standIns(words: readonly string[], kind: string): [string, string][] {
  const distinct = [...new Set(words)].filter((word) => word !== '').sort((left, right) => right.length - left.length);
  return distinct.map((word, place) => [word, `${kind}-${place + 1}`]);
}

function redactedTrace(content: Buffer, inText: (text: string) => string, inBytes: readonly Replaced[]): Buffer {
  const trace = decodeTrace(content);
  const events = trace.events.map((event) => redactedEvent(event, inText, (bytes) => overwritten(bytes, inBytes)));
  return Buffer.from(encodeTrace({ ...trace, events }));
}

function redactedEvent(
  event: ObservedEvent,
  inText: (text: string) => string,
  inBytes: (bytes: Uint8Array) => Uint8Array,
): ObservedEvent {
  switch (event.kind) {
    case 'message':
    case 'ring-write':
    case 'indirect-table':
    case 'region-access':
      return { ...event, bytes: inBytes(event.bytes) };
    case 'frame':
      return { ...event, header: inBytes(event.header), bytes: inBytes(event.bytes) };
    case 'memory-change':
      return { ...event, bytes: inBytes(event.bytes), note: inText(event.note) };
    case 'ioctl':
      return { ...event, before: inBytes(event.before), after: inBytes(event.after) };
    case 'note':
      return { ...event, text: inText(event.text) };
    case 'connection':
    case 'process':
      return { ...event, detail: inText(event.detail) };
    case 'notification':
      return event;
  }
}

function overwritten(all: Uint8Array, replaced: readonly Replaced[]): Uint8Array {
  const copy = Buffer.from(all);
  for (const { from, to } of replaced) {
    for (let at = copy.indexOf(from); at >= 0; at = copy.indexOf(from, at + to.length)) to.copy(copy, at);
  }
  return copy;
}
