/** The bytes combined with the key stream of ARC4: the same call undoes it. Keys have 1 to 256 bytes. */
export function arc4(key: Uint8Array, data: Uint8Array): Uint8Array {
  const state = Uint8Array.from({ length: 256 }, (_, at) => at);
  const swap = (one: number, other: number): void => {
    const before = state[one] as number;
    state[one] = state[other] as number;
    state[other] = before;
  };
  for (let at = 0, mixed = 0; at < 256; at++) {
    mixed = (mixed + (state[at] as number) + (key[at % key.length] as number)) & 0xff;
    swap(at, mixed);
  }
  let place = 0;
  let mixed = 0;
  return data.map((byte) => {
    place = (place + 1) & 0xff;
    mixed = (mixed + (state[place] as number)) & 0xff;
    swap(place, mixed);
    return byte ^ (state[((state[place] as number) + (state[mixed] as number)) & 0xff] as number);
  });
}
