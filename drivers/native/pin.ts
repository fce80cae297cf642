import { addon, checked } from './addon.ts';

/** A typed array that the addon knows by a number: hot calls need not ask for its memory. */
export type Pinned = number;

const pinned = new WeakMap<NodeJS.TypedArray, Pinned>();

/** Pins what is handed over again and again, by looking at the last one only. */
export class LastPinned {
  #array: NodeJS.TypedArray | undefined;
  #number: Pinned = -1;

  of(array: NodeJS.TypedArray): Pinned {
    if (array !== this.#array) {
      this.#number = pin(array);
      this.#array = array;
    }
    return this.#number;
  }
}

/** The number of an array, which is kept for good: for the few that live as long as the process. */
export function pin(array: NodeJS.TypedArray): Pinned {
  let number = pinned.get(array);
  if (number === undefined) {
    number = checked(addon.pin(array), 'pin');
    pinned.set(array, number);
  }
  return number;
}
