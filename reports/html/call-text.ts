import type { IoctlObservation, RegionAccessObservation } from '../../reference-impl/observations/event.ts';
import { interruptName, regionName, regionUse } from '../../reference-impl/vhost-mdev/region-names.ts';
import { annotateMdevMessage, mdevRequestName } from '../../reference-impl/wire/annotate-mdev.ts';
import { annotateVfioArgument } from '../../reference-impl/wire/annotate-vfio.ts';
import type { Annotation } from '../../reference-impl/wire/annotator.ts';
import { ioctlName } from '../../reference-impl/wire/ioctl-names.ts';
import { MDEV_HEADER_SIZE } from '../../reference-impl/wire/mdev-messages.ts';
import { vfioRequests } from '../../reference-impl/wire/vfio-structures.ts';
import { answerInWords } from '../trace/event-in-words.ts';
import { hex, shorten } from './message-title.ts';

export type Call = RegionAccessObservation | IoctlObservation;

/** A line of the sequence, and the bytes that it opens. */
export interface CallText {
  readonly name: string;
  /** Its first fields. */
  readonly brief: string;
  /** Where it went, and how many bytes. */
  readonly place: string;
  /** The result; empty where the call did all that was asked. */
  readonly answer: string;
  readonly blocks: readonly Block[];
}

export interface Block {
  readonly title?: string;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly annotations: readonly Annotation[];
}

export function accessText(event: RegionAccessObservation): CallText {
  const { access, layout, region, offset, length, bytes } = event;
  const use = regionUse(layout, region);
  const where = `${regionName(layout, region)}${offset === 0 ? '' : ` +0x${offset.toString(16)}`}`;
  const isMessage = use === 'messages' && offset === 0 && bytes.length > 0 && access !== 'store';
  const annotations = isMessage ? annotateMdevMessage(bytes, access === 'read') : plainBytes(event);
  const blocks = bytes.length === 0 ? [] : [{ bytes, annotations, length: Math.max(bytes.length, lengthOf(event)) }];
  const answer = accessAnswer(event);
  if (isMessage && bytes.length < MDEV_HEADER_SIZE) {
    return { name: 'piece of a header', brief: hex(bytes), place: `${where}, ${length} B`, answer, blocks };
  }
  if (isMessage) {
    const request = mdevRequestName(bytes);
    const name = access === 'read' ? `${request} answer` : request;
    const brief = briefOf(annotations.filter(({ offset: at }) => at >= MDEV_HEADER_SIZE));
    return { name, brief, place: `${where}, ${length} B`, answer, blocks };
  }
  const queue = use === 'doorbells' && access !== 'read' ? queueOf(bytes) : undefined;
  const brief = queue === undefined ? shorten(hex(bytes)) : `queue ${queue}`;
  return { name: `${accessNames[access]} ${where}`, brief, place: `${length} B`, answer, blocks };
}

const accessNames: Readonly<Record<RegionAccessObservation['access'], string>> = {
  read: 'read',
  write: 'write',
  map: 'mmap',
  store: 'store',
};

/** Bytes that an access carried, of which the trace may hold fewer. */
function lengthOf({ access, length, result }: RegionAccessObservation): number {
  return access === 'read' ? Math.max(0, result ?? 0) : length;
}

/** Nothing where all was done that was asked. */
function accessAnswer({ access, length, result }: RegionAccessObservation): string {
  if (result === undefined || result < 0) return answerInWords(result);
  if (access === 'map' || result === length) return '';
  return access === 'read' ? `${result} B came` : `${result} B taken`;
}

/** The number of a queue as doorbells have it: 16 bits of a store, 32 of a write. */
function queueOf(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 2) return view.getUint16(0, true);
  return bytes.length >= 4 ? view.getUint32(0, true) : undefined;
}

function plainBytes({ bytes, layout, region }: RegionAccessObservation): readonly Annotation[] {
  const { length } = bytes;
  const queue = regionUse(layout, region) === 'doorbells' ? queueOf(bytes) : undefined;
  const note = queue === undefined ? {} : { note: `queue ${queue}` };
  return length === 0 ? [] : [{ offset: 0, length, field: 'bytes', value: shorten(hex(bytes)), ...note }];
}

export function ioctlText({ on, layout, request, length, before, after, result }: IoctlObservation): CallText {
  const isChanged = before.some((byte, at) => byte !== after[at]);
  const given = { bytes: before, length, annotations: named(layout, request, annotateVfioArgument(request, before)) };
  const left = { bytes: after, length, annotations: named(layout, request, annotateVfioArgument(request, after)) };
  const told = isChanged && result !== undefined && result >= 0 ? left : given;
  const both = isChanged
    ? [
        { ...given, title: 'as given' },
        { ...left, title: 'as the call left it' },
      ]
    : [given];
  return {
    name: ioctlName(request),
    brief: ioctlBrief(request, told.annotations),
    place: on === 'device' ? '' : `on the ${on}`,
    answer: result === 0 ? '' : answerInWords(result),
    blocks: length === 0 ? [] : both,
  };
}

/** Fields of a structure that say nothing of what is done. */
const unspoken = new Set(['argsz', 'capOffset']);

/** Of calls on the container, what matters less than the I/O-virtual range. */
const late = new Set(['userAddress']);
/** How vectors are given eventfds. */
const usualFlags = 'data eventfd, action trigger';

/** Which of the device's parts is meant comes first. */
function ioctlBrief(request: number, annotations: readonly Annotation[]): string {
  const spoken = annotations.filter(({ field }) => !unspoken.has(field));
  const index = spoken.filter(({ field }) => field === 'index');
  const others = spoken
    .filter(({ field }) => field !== 'index')
    .sort((a, b) => Number(late.has(a.field)) - Number(late.has(b.field)));
  const vectors = others.filter(({ field }) => field.startsWith('vector '));
  if (request !== vfioRequests.VFIO_DEVICE_SET_IRQS || vectors.length === 0) return briefOf([...index, ...others]);
  const told = vectors.map(({ field, value, note }) => `${field} ${note === 'no event' ? note : `event ${value}`}`);
  const flags = others.flatMap(({ field, note }) => (field === 'flags' && note !== usualFlags ? (note ?? 'none') : []));
  return shorten([...index.map(({ note, value }) => note ?? value), ...flags, ...told].join(', '));
}

/** The same, with the names that the layout has for indices. */
function named(
  layout: IoctlObservation['layout'],
  request: number,
  annotations: readonly Annotation[],
): readonly Annotation[] {
  const name = indexNames.get(request);
  if (name === undefined) return annotations;
  return annotations.map((one) =>
    one.field === 'index' ? { ...one, note: name(layout, Number(one.value.split(' ')[0])) } : one,
  );
}

const indexNames = new Map([
  [vfioRequests.VFIO_DEVICE_GET_REGION_INFO as number, regionName],
  [vfioRequests.VFIO_DEVICE_GET_IRQ_INFO, interruptName],
  [vfioRequests.VFIO_DEVICE_SET_IRQS, interruptName],
]);

const mostFieldsInBrief = 4;
const longestMeaning = 32;

/** The first fields in a line: what they mean where that is short, else their values. */
function briefOf(annotations: readonly Annotation[]): string {
  const fields = annotations.filter(({ field }) => !field.startsWith('padding'));
  const told = fields.slice(0, mostFieldsInBrief).map(({ field, value, note }) => {
    const isShort = note !== undefined && note.length <= longestMeaning;
    if (isShort && field === 'u64') return note;
    return `${field} ${isShort ? note : value.replace(/ \(.*\)$/, '')}`;
  });
  return `${shorten(told.join(', '))}${fields.length > mostFieldsInBrief ? ', …' : ''}`;
}
