import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { RingLayout } from '../../virtqueue/ring.ts';
import type { LibertyName } from './liberties.ts';
import type { Tell } from './observation.ts';

/** A chain as a device gets it: the bytes of its readable part, and how many it may write. */
export interface Request {
  readonly readable: Uint8Array;
  readonly room: number;
  /** What the writable part held before, where that was looked at. */
  readonly before?: Uint8Array;
  /** The translation of one of its buffers does not permit what the chain wants. */
  readonly isForbidden?: boolean;
}

/** What the device did with a request. `written` is all of the writable part. */
export interface Completion {
  readonly len: number;
  readonly written: Uint8Array;
}

/** A request under way. */
export interface Pending {
  /** Whether the text promises that it becomes used. */
  readonly isOwed: boolean;
  /** Whatever becomes of it, what is behind the rings stays as it is. */
  readonly changesNothing?: boolean;
  /** Nothing is claimed of the ring behind it. */
  readonly endsRing?: boolean;
  readonly complete: (completion: Completion, layout: RingLayout) => void;
}

/** The part of the model that knows what requests of a type of device mean. */
export interface DeviceModel {
  /** @param features accepted ones of the device. */
  begin(request: Request, index: number, features: bigint): Pending;
  /** Nothing is known any more of what is behind the rings. */
  lose(): void;
  /** The device was told of each chain of the ring of this index. */
  kicked?(index: number): void;
  /** The ring of this index was disabled, or enabled again; `isBusy`: while chains of it may be under way. */
  enabled?(index: number, isOn: boolean, isBusy: boolean): void;
  /**
   * A life of the ring of this index is over; `isSeenWhole`: it stopped, and all that it used was seen; `isFull`: there was
   * no room for a further chain.
   */
  ended?(index: number, isSeenWhole: boolean, isFull: boolean): void;
  /** A session begins: the device was reset. */
  began?(): void;
  /** These features of the device were accepted. */
  negotiated?(features: bigint): void;
  /** A life of the ring of this index begins. */
  attached?(index: number, features: bigint): void;
  /** Whether a byte of configuration space may change by what is not followed. */
  mayChange?(at: number): boolean;
  /** Whether the device may wait with calls of the ring of this index. */
  maySaveCalls?(index: number, features: bigint): boolean;
  /** Configuration space was read. */
  configured?(offset: number, bytes: Uint8Array): void;
}

export interface DeviceModelOptions {
  readonly tell: Tell;
  readonly take: (liberty: LibertyName) => void;
}

/** The len of a used element, where the text says how many bytes are written. */
export function tellLength(tell: Tell, layout: RingLayout, what: string, expected: number, actual: number): void {
  if (actual === expected) return;
  const requirement: RequirementSlug = `${layout}/used-len-counts-written-bytes`;
  tell({
    requirement,
    what: `the len of the used element of ${what}`,
    expected: String(expected),
    actual: String(actual),
  });
}

/** A device of a type that is not modelled. */
export class UnknownDeviceModel implements DeviceModel {
  readonly #take: DeviceModelOptions['take'];

  constructor({ take }: DeviceModelOptions) {
    this.#take = take;
  }

  begin(): Pending {
    return { isOwed: false, complete: () => this.#take('device-unknown') };
  }

  lose(): void {}
}
