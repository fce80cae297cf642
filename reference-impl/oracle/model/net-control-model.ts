import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import {
  CONTROL_HEADER_SIZE,
  MAC_SIZE,
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_CTRL_MAC_TABLE_SET,
  VIRTIO_NET_CTRL_MQ,
  VIRTIO_NET_CTRL_MQ_HASH_CONFIG,
  VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
  VIRTIO_NET_CTRL_NOTF_COAL,
  VIRTIO_NET_CTRL_RX,
  VIRTIO_NET_CTRL_RX_NOBCAST,
  VIRTIO_NET_CTRL_VLAN,
  VIRTIO_NET_CTRL_VLAN_DEL,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_RX_EXTRA,
  VIRTIO_NET_F_CTRL_VLAN,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_OK,
} from '../../devices/net-layout.ts';
import { type Pending, type Request, tellLength } from './device-model.ts';
import { CoalescingModel, type CoalescingOptions } from './net-coalescing-model.ts';
import { extraModes, type FilterVerdict, filterBehindReset, type KnownFilter, verdictOf } from './net-filter-model.ts';

/** What a command must come to, and what it changes of the filter. */
interface KnownCommand {
  /** Where the text says that the device has it. */
  readonly requirement?: RequirementSlug;
  /** Pairs of queues that are in use behind it. */
  readonly pairs?: number;
  readonly changed?: (filter: KnownFilter) => KnownFilter;
  /** The address that configuration shows behind it. */
  readonly address?: Uint8Array;
}

export interface NetControlOptions extends CoalescingOptions {
  /** The filter became another one: what is under way may meet either. */
  readonly filterChanged: () => void;
  /** A command asks for another number of pairs: until it is used, any may be in use. */
  readonly pairsAsked: () => void;
  /** So many pairs are in use from now on. */
  readonly pairsSet: (pairs: number) => void;
  /** Configuration shows this address from now on. */
  readonly addressSet: (mac: Uint8Array) => void;
  /** A command may change the address. */
  readonly addressMayChange: () => void;
}

const withMode = (filter: KnownFilter, mode: number, isOn: boolean): KnownFilter => ({
  ...filter,
  modes: new Map(filter.modes).set(mode, isOn),
});

/** The queue for commands of a network device (virtio 5.1.9.5), and what is known of the filter that they set. */
export class NetControlModel {
  readonly #options: NetControlOptions;
  readonly #coalescing: CoalescingModel;
  /** What may be in force: more than one while a command is under way, and none where nothing is known. */
  #filters: readonly KnownFilter[] = [filterBehindReset];
  #isThere = false;
  /** The device has the command for its address. */
  #setsAddress = false;
  /** Commands for the address that were not seen used: it may change at any time. */
  #addressesAsked = 0;

  constructor(options: NetControlOptions) {
    this.#options = options;
    this.#coalescing = new CoalescingModel(options);
  }

  negotiated(features: bigint): void {
    this.#setsAddress = (features & VIRTIO_NET_F_CTRL_MAC_ADDR) !== 0n;
  }

  /** The queue is there, and followed from now on. */
  attached(): void {
    this.#isThere = true;
    if (this.#setsAddress) this.#options.addressMayChange();
  }

  /** Whether a command may set the address that is not followed, or is under way. */
  get isAddressOpen(): boolean {
    return this.#setsAddress && (!this.#isThere || this.#filters.length === 0 || this.#addressesAsked > 0);
  }

  /** The device was reset, or another session begins. */
  reset(): void {
    if (this.#setsAddress) this.#options.addressMayChange();
    this.#setsAddress = false;
    this.#isThere = false;
    this.#addressesAsked = 0;
    this.#filters = [filterBehindReset];
    this.#coalescing.reset();
  }

  /** Nothing is known any more, until a reset. */
  lose(): void {
    this.#filters = [];
    this.#coalescing.lose();
  }

  /** The address was read in configuration space. */
  addressRead(mac: Uint8Array): void {
    if (this.#addressesAsked > 0) return;
    const own = mac.join();
    this.#filters = this.#filters.map((filter) => ({ ...filter, own }));
  }

  /** A queue was set up, or is not in use any more. */
  queueTurned(index: number, isOn: boolean): void {
    this.#coalescing.queueTurned(index, isOn);
  }

  maySaveCalls(index: number, features: bigint): boolean {
    return this.#coalescing.maySaveCalls(index, features);
  }

  /** What becomes of a frame that arrives now; undefined where it is open. */
  verdictOf(frame: Uint8Array, features: bigint): FilterVerdict | undefined {
    const [first, ...others] = this.#filters.map((filter) => verdictOf(filter, frame, features));
    const isSame = others.every((other) => other?.isReceived === first?.isReceived);
    return isSame ? first : undefined;
  }

  begin({ readable, room }: Request, features: bigint): Pending {
    const [group = 0, command = 0] = readable;
    const data = readable.subarray(CONTROL_HEADER_SIZE);
    if (room > 0 && group === VIRTIO_NET_CTRL_NOTF_COAL) return this.#coalescing.begin(command, data, room, features);
    const { pairs: most } = this.#options;
    const known = room > 0 ? knownCommand(group, command, data, features, most) : undefined;
    if (known === undefined) {
      // Whatever it is, it may change anything.
      this.lose();
      this.#options.filterChanged();
      this.#options.pairsAsked();
      return { isOwed: false, complete: () => this.#options.take('undefined-request') };
    }
    const { changed, address, pairs } = known;
    if (pairs !== undefined) this.#options.pairsAsked();
    if (address !== undefined) {
      this.#options.addressMayChange();
      this.#addressesAsked++;
    }
    // Of two that are under way, either may be the first.
    const [now, ...others] = this.#filters;
    const isAlone = now !== undefined && others.length === 0;
    const behind = isAlone && changed !== undefined ? changed(now) : undefined;
    if (behind !== undefined) this.#turn([now as KnownFilter, behind]);
    else if (changed !== undefined) this.#turn([]);
    return {
      isOwed: true,
      complete: ({ len, written }, layout) => {
        tellLength(this.#options.tell, layout, `command ${command} of class ${group}`, 1, len);
        if (address !== undefined) this.#addressesAsked = Math.max(0, this.#addressesAsked - 1);
        if (written[0] !== VIRTIO_NET_OK) this.#refused(known, group, command, written[0]);
        else if (address !== undefined) this.#options.addressSet(address);
        else if (pairs !== undefined) this.#options.pairsSet(pairs);
        if (behind !== undefined && this.#filters.at(-1) === behind) this.#filters = [behind];
      },
    };
  }

  #refused({ requirement }: KnownCommand, group: number, command: number, actual: number | undefined): void {
    const what = `the acknowledgement of command ${command} of class ${group}`;
    const expected = String(VIRTIO_NET_OK);
    if (requirement !== undefined) this.#options.tell({ requirement, what, expected, actual: String(actual) });
    this.lose();
  }

  #turn(filters: readonly KnownFilter[]): void {
    this.#filters = filters;
    this.#options.filterChanged();
  }
}

/** A command that the device has with these features, and that is sound; undefined for any other. */
function knownCommand(
  group: number,
  command: number,
  data: Uint8Array,
  features: bigint,
  pairs: number | undefined,
): KnownCommand | undefined {
  const has = (feature: bigint): boolean => (features & feature) !== 0n;
  switch (group) {
    case VIRTIO_NET_CTRL_RX: {
      const [on = 2] = data;
      const isExtra = extraModes.has(command);
      const isThere = has(isExtra ? VIRTIO_NET_F_CTRL_RX_EXTRA : VIRTIO_NET_F_CTRL_RX);
      if (!isThere || command > VIRTIO_NET_CTRL_RX_NOBCAST || data.length !== 1 || on > 1) return undefined;
      const requirement = isExtra ? 'net/ctrl-rx-extra-has-its-commands' : 'net/ctrl-rx-has-its-commands';
      return { requirement, changed: (filter) => withMode(filter, command, on === 1) };
    }
    case VIRTIO_NET_CTRL_MAC:
      return macCommand(command, data, has);
    case VIRTIO_NET_CTRL_VLAN: {
      const vlan = (data[0] ?? 0) | ((data[1] ?? 0) << 8);
      if (!has(VIRTIO_NET_F_CTRL_VLAN) || data.length !== 2 || vlan > 0xfff || command > VIRTIO_NET_CTRL_VLAN_DEL)
        return undefined;
      const isListed = command !== VIRTIO_NET_CTRL_VLAN_DEL;
      return {
        requirement: 'net/vlan-table-packets-accepted',
        changed: (filter) => ({ ...filter, vlans: new Map(filter.vlans).set(vlan, isListed) }),
      };
    }
    case VIRTIO_NET_CTRL_MQ: {
      if (command === VIRTIO_NET_CTRL_MQ_HASH_CONFIG && has(VIRTIO_NET_F_HASH_REPORT) && isPlainHash(data))
        return { requirement: 'net/hash-report-alone-has-hash-config' };
      const asked = (data[0] ?? 0) | ((data[1] ?? 0) << 8);
      const isPairs = command === VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET && has(VIRTIO_NET_F_MQ) && data.length === 2;
      return isPairs && asked > 0 && pairs !== undefined && asked <= pairs ? { pairs: asked } : undefined;
    }
    default:
      return undefined;
  }
}

function macCommand(command: number, data: Uint8Array, has: (feature: bigint) => boolean): KnownCommand | undefined {
  if (command === VIRTIO_NET_CTRL_MAC_ADDR_SET) {
    const isStation = data.length === MAC_SIZE && ((data[0] ?? 1) & 1) === 0;
    if (!has(VIRTIO_NET_F_CTRL_MAC_ADDR) || !isStation) return undefined;
    const address = data.slice();
    const own = address.join();
    return { requirement: 'net/config-mac-updated-before-used', address, changed: (filter) => ({ ...filter, own }) };
  }
  if (command !== VIRTIO_NET_CTRL_MAC_TABLE_SET || !has(VIRTIO_NET_F_CTRL_RX)) return undefined;
  const table = tableOf(data);
  if (table === undefined) return undefined;
  return { requirement: 'net/mac-table-applies-before-used', changed: (filter) => ({ ...filter, table }) };
}

/** Unicast addresses and those of groups, each behind their number; few enough for any device. */
function tableOf(data: Uint8Array): ReadonlySet<string> | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const table = new Set<string>();
  let at = 0;
  for (const isGroup of [false, true]) {
    if (at + 4 > data.length) return undefined;
    const count = view.getUint32(at, true);
    at += 4;
    if (count > fewAddresses || at + count * MAC_SIZE > data.length) return undefined;
    for (let n = 0; n < count; n++, at += MAC_SIZE) {
      if ((((data[at] ?? 0) & 1) === 1) !== isGroup) return undefined;
      table.add(data.subarray(at, at + MAC_SIZE).join());
    }
  }
  return at === data.length ? table : undefined;
}

const fewAddresses = 4;

/** struct virtio_net_hash_config with types that every device may have, and the key that every device takes (virtio 5.1.4.1). */
function isPlainHash(data: Uint8Array): boolean {
  const [types, reserved, keyLengthAt] = [data.subarray(0, 4), data.subarray(4, 12), 12];
  const isNone = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);
  return (
    data.length === keyLengthAt + 1 + leastKey && data[keyLengthAt] === leastKey && isNone(types) && isNone(reserved)
  );
}

const leastKey = 40;
