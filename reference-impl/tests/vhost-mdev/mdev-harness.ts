import assert from 'node:assert/strict';
import { BlockDevice } from '../../devices/block-device.ts';
import type { ParentDriver } from '../../devices/parent-driver.ts';
import { type Guest, plainGuest } from '../../memory/guest.ts';
import { MdevDevice } from '../../vhost-mdev/mdev-device.ts';
import type { MdevEdge } from '../../vhost-mdev/mdev-edge.ts';
import { MdevFile } from '../../vhost-mdev/mdev-file.ts';
import { type MdevMode, mdevRuleTables } from '../../vhost-mdev/mdev-rule-tables.ts';
import type { MdevRules } from '../../vhost-mdev/mdev-rules.ts';
import { areaAddresses, type GuestRing } from '../../virtqueue/ring.ts';
import { SplitDriver } from '../../virtqueue/split/driver-ring.ts';
import type { GuestSplitRing } from '../../virtqueue/split/guest-ring.ts';
import { encodeMdevMessage, MDEV_HEADER_SIZE, mdevHeader, mdevMemoryTablePayload } from '../../wire/mdev-messages.ts';
import { decodeStructure, encodeStructure } from '../../wire/structure.ts';
import {
  VFIO_REGION_SPAN,
  vfioDmaMap,
  vfioDmaUnmap,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
  vfioRequests,
} from '../../wire/vfio-structures.ts';
import type { VhostRequest } from '../../wire/vhost-requests.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../../wire/vhost-user-payloads.ts';
import { encodeVringBase } from '../../wire/vring-base.ts';

export const u64 = (value: bigint): Uint8Array => encodeStructure(u64Payload, { u64: value });
export const state = (index: number, num: number): Uint8Array => encodeStructure(vringStatePayload, { index, num });
export const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
export const none = new Uint8Array();

export const address = (
  index: number,
  { desc, used, avail }: { readonly desc: bigint; readonly used: bigint; readonly avail: bigint },
): Uint8Array =>
  encodeStructure(vringAddressPayload, { index, flags: 0, descriptor: desc, used, available: avail, log: 7n });

export const memoryTable = (guest: Guest): Uint8Array =>
  encodeStructure(mdevMemoryTablePayload, {
    numRegions: guest.regions.length,
    regions: guest.regions.map(({ guestAddress, size, userAddress }) => ({
      guestAddress,
      size: BigInt(size),
      userAddress,
    })),
  });

/** The world of a device: memory of a guest at its user addresses, events that count. */
export class TestEdge implements MdevEdge {
  readonly pageSize = 4096;
  readonly guest: Guest;
  /** By token: how often it was signalled. */
  readonly signals = new Map<number, number>();
  /** Tokens that are held, by descriptor. */
  readonly held = new Map<number, number>();
  #next = 100;

  constructor(guest: Guest) {
    this.guest = guest;
  }

  /** Descriptors below 10 are no events. */
  holdEvent(descriptor: number): number | undefined {
    if (descriptor < 10) return undefined;
    const token = this.#next++;
    this.held.set(token, descriptor);
    return token;
  }

  releaseEvent(token: number | undefined): void {
    if (token === undefined) return;
    assert.ok(this.held.delete(token), 'a token is released once');
  }

  signal(token: number): void {
    const descriptor = this.held.get(token);
    assert.ok(descriptor !== undefined, 'only what is held is signalled');
    this.signals.set(descriptor, this.count(descriptor) + 1);
  }

  count(descriptor: number): number {
    return this.signals.get(descriptor) ?? 0;
  }

  userMemory(userAddress: bigint, size: bigint): Uint8Array | undefined {
    const region = this.guest.regions.find(
      (one) => one.userAddress <= userAddress && userAddress + size <= one.userAddress + BigInt(one.size),
    );
    if (region === undefined) return undefined;
    const from = Number(userAddress - region.userAddress);
    return region.bytes.subarray(from, from + Number(size));
  }
}

export interface MdevUser {
  readonly rules: MdevRules;
  readonly device: MdevDevice;
  readonly parent: ParentDriver;
  readonly file: MdevFile;
  readonly edge: TestEdge;
  readonly guest: Guest;
  /** Writes one message at offset 0 of the region of messages. */
  send(request: VhostRequest | bigint, payload?: Uint8Array, header?: { flags?: number; size?: number }): number;
  /** Reads an answer of `count` bytes. */
  receive(count?: number): { readonly answered: number; readonly header?: object; readonly payload?: Uint8Array };
  /** Sends, and the u64 or the second u32 of the answer. */
  ask(request: VhostRequest, payload?: Uint8Array): bigint | number;
  notify(queue: number, offset?: number): number;
  setIrqs(set: Partial<Parameters<typeof vfioIrqSet.encode>[0]>, data?: Uint8Array): number;
  arm(queue: number, descriptor: number): number;
  map(guest?: Guest): void;
  unmap(ioVirtualAddress: bigint, size: bigint): { readonly answered: number; readonly size: bigint };
  /** Tells a ring of the guest; the device takes it up at the next start. */
  /** Size, base and addresses of a ring: of where it begins unless `base` is another word. */
  tell(index: number, ring: GuestRing, base?: number): void;
  driver(ring: GuestSplitRing): SplitDriver;
  drain(): void;
}

export const eventData = (...descriptors: readonly number[]): Uint8Array =>
  new Uint8Array(Int32Array.from(descriptors).buffer);

export function opened(device: MdevDevice): MdevFile {
  const file = device.open();
  assert.ok(file instanceof MdevFile, `open answered ${file}`);
  return file;
}

export function mdevUser(
  mode: MdevMode,
  options: { readonly parent?: ParentDriver; readonly guest?: Guest; readonly rules?: MdevRules } = {},
): MdevUser {
  const { parent = new BlockDevice({ queues: 2 }), guest = plainGuest() } = options;
  const rules = options.rules ?? mdevRuleTables[mode];
  const edge = new TestEdge(guest);
  const device = new MdevDevice(parent, edge, rules);
  const file = opened(device);
  const { layout } = rules;
  const messagesAt = layout.regions.findIndex(({ use }) => use === 'messages') * VFIO_REGION_SPAN;
  const doorbellsAt = layout.regions.findIndex(({ use }) => use === 'doorbells') * VFIO_REGION_SPAN;
  const irqIndex = layout.interrupts.findIndex(({ perRing }) => perRing);
  const user: MdevUser = {
    rules,
    device,
    parent,
    file,
    edge,
    guest,
    send: (request, payload = none, header = {}) => {
      const bytes = encodeMdevMessage(request, payload, header);
      return file.pwrite(messagesAt, bytes.length, bytes);
    },
    receive: (count = MDEV_HEADER_SIZE + 8) => {
      const target = new Uint8Array(count);
      const answered = file.pread(messagesAt, count, target);
      if (answered <= 0) return { answered };
      return { answered, header: decodeStructure(mdevHeader, target) ?? {}, payload: target.slice(MDEV_HEADER_SIZE) };
    },
    ask: (request, payload = none) => {
      assert.ok(user.send(request, payload) > 0, `${request} is taken`);
      const { answered, payload: answer } = user.receive();
      assert.equal(answered, 24, `${request} is answered`);
      const view = new DataView((answer ?? none).buffer);
      return request === 'VHOST_GET_FEATURES' ? view.getBigUint64(0, true) : view.getUint32(4, true);
    },
    notify: (queue, offset = queue * edge.pageSize) => file.pwrite(doorbellsAt + offset, 4, u32(queue)),
    setIrqs: (set, data = none) => {
      const argsz = vfioIrqSet.size + data.length;
      const fixed = encodeStructure(vfioIrqSet, { argsz, flags: 0, index: irqIndex, start: 0, count: 0, ...set });
      return file.ioctl(vfioRequests.VFIO_DEVICE_SET_IRQS, Uint8Array.from([...fixed, ...data]));
    },
    arm: (queue, descriptor) => user.setIrqs({ flags: 0x24, start: queue, count: 1 }, eventData(descriptor)),
    map: (of = guest) => {
      for (const { ioVirtualAddress, userAddress, size } of of.regions) {
        const request = { argsz: 32, flags: 3, ioVirtualAddress, userAddress, size: BigInt(size) };
        assert.equal(device.container.ioctl(0x3b71, encodeStructure(vfioDmaMap, request)), 0);
      }
    },
    unmap: (ioVirtualAddress, size) => {
      const argument = encodeStructure(vfioDmaUnmap, { argsz: 24, flags: 0, ioVirtualAddress, size });
      const answered = device.container.ioctl(0x3b72, argument);
      return { answered, size: decodeStructure(vfioDmaUnmap, argument)?.size ?? 0n };
    },
    tell: (index, ring, base = encodeVringBase(ring.position)) => {
      const { descriptor: desc, driver: avail, device: used } = areaAddresses(ring, layout.ringSpace);
      const at = { desc, avail, used };
      assert.equal(user.send('VHOST_SET_VRING_NUM', state(index, ring.size)), 24);
      assert.equal(user.send('VHOST_SET_VRING_BASE', state(index, base)), 24);
      assert.equal(user.send('VHOST_SET_VRING_ADDR', address(index, at)), 56);
    },
    driver: (ring) => new SplitDriver(ring, { space: layout.bufferSpace }),
    drain: () => {
      for (let left = 100_000; device.step() === 'progressed'; left--) assert.ok(left > 0, 'the device comes to rest');
    },
  };
  return user;
}

/** Makes the guest's memory known, in the way of the layout. */
export function shareMemory(user: MdevUser): void {
  if (user.rules.layout.memory === 'container') user.map();
  else assert.ok(user.send('VHOST_SET_MEM_TABLE', memoryTable(user.guest)) > 0);
}

export function regionInfo(file: MdevFile, index: number, argsz = vfioRegionInfo.size) {
  const argument = encodeStructure(vfioRegionInfo, { argsz, flags: 0, index, capOffset: 0, size: 0n, offset: 0n });
  const answered = file.ioctl(vfioRequests.VFIO_DEVICE_GET_REGION_INFO, argument);
  return answered === 0 ? decodeStructure(vfioRegionInfo, argument) : answered;
}

export function irqInfo(file: MdevFile, index: number, argsz = vfioIrqInfo.size) {
  const argument = encodeStructure(vfioIrqInfo, { argsz, flags: 0, index, count: 0 });
  const answered = file.ioctl(vfioRequests.VFIO_DEVICE_GET_IRQ_INFO, argument);
  return answered === 0 ? decodeStructure(vfioIrqInfo, argument) : answered;
}
