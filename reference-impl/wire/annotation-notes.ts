import {
  hasBit,
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REPLY_MASK,
  VHOST_USER_VERSION_MASK,
  vhostIotlbType,
  vhostUserProtocolFeatures,
  vhostUserVirtioFeatures,
  virtioDeviceStatus,
} from './vhost-user-constants.ts';
import { decodePackedVringBase, decodeVringDescriptorWord } from './vring-base.ts';

/** Names of the set bits by their masks, and what is left of the word. */
export function maskNames(word: number, masks: Readonly<Record<string, number>>): string | undefined {
  const set = Object.entries(masks).filter(([, mask]) => (word & mask) !== 0);
  const left = (word & ~set.reduce((all, [, mask]) => all | mask, 0)) >>> 0;
  const names = set.map(([name]) => name);
  if (left !== 0) names.push(`0x${left.toString(16)}`);
  return names.length === 0 ? undefined : names.join(', ');
}

/** Names of the set bits, and the numbers of set bits that have none here. */
export function bitNames(word: bigint, names: Readonly<Record<string, number>>): string | undefined {
  const known = new Map(Object.entries(names).map(([name, index]) => [index, name]));
  const set: string[] = [];
  for (let index = 0; index < 64; index += 1) {
    if (hasBit(word, index)) {
      set.push(known.get(index) ?? `bit ${index}`);
    }
  }
  return set.length === 0 ? undefined : set.join(', ');
}

function flagsNote(flags: number): string {
  const parts = [`version ${flags & VHOST_USER_VERSION_MASK}`];
  if ((flags & VHOST_USER_REPLY_MASK) !== 0) {
    parts.push('reply');
  }
  if ((flags & VHOST_USER_NEED_REPLY_MASK) !== 0) {
    parts.push('need_reply');
  }
  const unknown = flags >>> 4;
  if (unknown !== 0) {
    parts.push(`unknown bits 0x${(unknown << 4).toString(16)}`);
  }
  return parts.join(', ');
}

function vringDescriptorNote(word: bigint): string {
  const { index, hasDescriptor } = decodeVringDescriptorWord(word);
  return `vring ${index}, ${hasDescriptor ? 'with' : 'without'} a descriptor`;
}

function vringBaseNote(num: number): string | undefined {
  if (num <= 0xffff) {
    return undefined;
  }
  const base = decodePackedVringBase(num);
  const avail = `available ${base.avail}, wrap counter ${base.availWrap}`;
  return `packed: ${avail}; used ${base.used}, wrap counter ${base.usedWrap}`;
}

function statusNote(status: bigint): string {
  const set = Object.entries(virtioDeviceStatus).filter(([, mask]) => (status & BigInt(mask)) !== 0n);
  return set.length === 0 ? 'reset' : set.map(([name]) => name).join(', ');
}

function macNote(word: bigint): string {
  const bytes = Array.from({ length: 6 }, (_, i) => ((word >> BigInt(8 * i)) & 0xffn).toString(16).padStart(2, '0'));
  return `MAC ${bytes.join(':')}`;
}

/** Meaning of `u64` by message. */
const wordNotes: Readonly<Record<string, (word: bigint) => string | undefined>> = {
  VHOST_USER_GET_FEATURES: (word) => bitNames(word, vhostUserVirtioFeatures),
  VHOST_USER_SET_FEATURES: (word) => bitNames(word, vhostUserVirtioFeatures),
  VHOST_USER_GET_PROTOCOL_FEATURES: (word) => bitNames(word, vhostUserProtocolFeatures),
  VHOST_USER_SET_PROTOCOL_FEATURES: (word) => bitNames(word, vhostUserProtocolFeatures),
  VHOST_USER_SET_VRING_KICK: vringDescriptorNote,
  VHOST_USER_SET_VRING_CALL: vringDescriptorNote,
  VHOST_USER_SET_VRING_ERR: vringDescriptorNote,
  VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG: vringDescriptorNote,
  VHOST_USER_SET_STATUS: statusNote,
  VHOST_USER_GET_STATUS: statusNote,
  VHOST_USER_SEND_RARP: macNote,
};

/** Meaning of a number in a field of a message ('header' for the header); undefined when the number says it all. */
export function annotationNote(message: string, field: string, value: number | bigint): string | undefined {
  if (message === 'header' && field === 'flags') {
    return flagsNote(Number(value));
  }
  if (field === 'u64') {
    return wordNotes[message]?.(BigInt(value));
  }
  if (field === 'num' && message.includes('VRING_BASE')) {
    return vringBaseNote(Number(value));
  }
  if (field === 'type' && message.includes('IOTLB')) {
    return Object.entries(vhostIotlbType).find(([, type]) => type === Number(value))?.[0] ?? 'no such type';
  }
  return undefined;
}
