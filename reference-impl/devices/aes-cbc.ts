/** AES in CBC mode (FIPS 197, NIST SP 800-38A), without padding. */

export const AES_BLOCK_SIZE = 16;
const columns = 4;

/** Powers of 3 in the field of 256 elements: each element but 0 is one. */
const powers = new Uint8Array(255);
const exponents = new Uint8Array(256);
for (let exponent = 0, power = 1; exponent < powers.length; exponent++) {
  powers[exponent] = power;
  exponents[power] = exponent;
  power ^= doubled(power);
}

const substituted = Uint8Array.from({ length: 256 }, (_, byte) => {
  const inverse = byte === 0 ? 0 : (powers[(255 - at(exponents, byte)) % 255] as number);
  const turned = [1, 2, 3, 4].reduce((sum, by) => sum ^ (inverse << by) ^ (inverse >> (8 - by)), inverse);
  return turned ^ 0x63;
});
const restored = new Uint8Array(256);
for (const [byte, value] of substituted.entries()) restored[value] = byte;

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] as number;
}

function doubled(byte: number): number {
  return (byte << 1) ^ ((byte >> 7) * 0x11b);
}

const product = (one: number, other: number): number =>
  one === 0 ? 0 : at(powers, (at(exponents, one) + at(exponents, other)) % 255);

const sum = (one: Uint8Array, other: Uint8Array): Uint8Array => one.map((byte, n) => byte ^ at(other, n));

/** Round keys of 16 bytes. */
function roundKeys(key: Uint8Array): readonly Uint8Array[] {
  const words = key.length / columns;
  const rounds = words + 7;
  const bytes = new Uint8Array(rounds * AES_BLOCK_SIZE);
  bytes.set(key);
  let constant = 1;
  for (let from = key.length; from < bytes.length; from += columns) {
    let word = bytes.slice(from - columns, from);
    const place = (from / columns) % words;
    if (place === 0) {
      word = Uint8Array.of(...word.subarray(1), at(word, 0)).map((byte) => at(substituted, byte));
      word[0] = at(word, 0) ^ constant;
      constant = doubled(constant);
    } else if (place === columns && words > 6) {
      word = word.map((byte) => at(substituted, byte));
    }
    bytes.set(sum(word, bytes.subarray(from - key.length)), from);
  }
  return Array.from({ length: rounds }, (_, n) => bytes.subarray(n * AES_BLOCK_SIZE, (n + 1) * AES_BLOCK_SIZE));
}

/** The rows of a block, turned left by as many columns as their number times `by`. */
const rowsTurned = (block: Uint8Array, by: number): Uint8Array =>
  block.map((_, n) => at(block, (n + (n % columns) * columns * by) % AES_BLOCK_SIZE));

/** Each column times the matrix whose first row is given; the others are that row turned right. */
const columnsMixed = (block: Uint8Array, row: readonly number[]): Uint8Array =>
  block.map((_, n) =>
    row.reduce((mixed, factor, place) => {
      const from = n - (n % columns) + ((n + place) % columns);
      return mixed ^ product(at(block, from), factor);
    }, 0),
  );

function encrypted(keys: readonly Uint8Array[], plain: Uint8Array): Uint8Array {
  const [first = plain, ...others] = keys;
  return others.reduce(
    (block, key, round) => {
      const turned = rowsTurned(
        block.map((byte) => at(substituted, byte)),
        1,
      );
      return sum(round === others.length - 1 ? turned : columnsMixed(turned, [2, 3, 1, 1]), key);
    },
    sum(plain, first),
  );
}

function decrypted(keys: readonly Uint8Array[], cipher: Uint8Array): Uint8Array {
  const [first = cipher, ...others] = keys;
  const undone = others.reduceRight((block, key, round) => {
    const keyless = sum(block, key);
    const turned = rowsTurned(round === others.length - 1 ? keyless : columnsMixed(keyless, [14, 11, 13, 9]), 3);
    return turned.map((byte) => at(restored, byte));
  }, cipher);
  return sum(undone, first);
}

/** A key of 16 or 32 bytes, an initialisation vector of 16, and whole blocks of data. */
export function aesCbc(
  direction: 'encrypt' | 'decrypt',
  key: Uint8Array,
  iv: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const keys = roundKeys(key);
  const result = new Uint8Array(data.length);
  let chained = iv;
  for (let from = 0; from < data.length; from += AES_BLOCK_SIZE) {
    const block = data.subarray(from, from + AES_BLOCK_SIZE);
    const done = direction === 'encrypt' ? encrypted(keys, sum(block, chained)) : sum(decrypted(keys, block), chained);
    chained = direction === 'encrypt' ? done : block;
    result.set(done, from);
  }
  return result;
}
